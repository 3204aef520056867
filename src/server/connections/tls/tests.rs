mod handshakes;
mod loading;
mod peer;
mod pki;
mod reloads;
