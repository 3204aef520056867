//! A network namespace like a pod's, and a neighbour in another one.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::{env, io};

use crate::support::run;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;

/// The address of the pod on the network that it shares with the neighbour.
pub(super) const POD: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
pub(super) const POD_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1);

/// The neighbour's.
pub(super) const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
pub(super) const NEIGHBOUR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 2);

/// Where a relay of the neighbour connects to.
const RELAY_TO: &str = "ACCESS_BROKER_TEST_RELAY_TO";

/// What a relay says once it listens.
const LISTENING: &str = "the relay listens at ";

/// Another network namespace, with a cable to this one. Ended with the value.
pub(super) struct Neighbour {
    holder: Child,
}

impl Neighbour {
    /// This namespace gets an interface like that of a pod.
    pub(super) fn start() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Only then it is in a namespace of its own.
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        let neighbour = Self { holder };
        let cable = format!("ip link add eth0 type veth peer name eth0 netns {}", neighbour.holder.id());
        run(Command::new("sh").args(["-c", &cable]));
        run(Command::new("sh").args(["-c", &addresses(POD, POD_V6)]));
        run(neighbour.inside().args(["sh", "-c", &addresses(NEIGHBOUR, NEIGHBOUR_V6)]));
        neighbour
    }

    /// A relay: a connection to the address that it gives leads to the other one, and arrives from the neighbour's address.
    pub(super) fn relay(&self, own: IpAddr, to: SocketAddr) -> Relay {
        let mut child = self
            .inside()
            .arg(env::current_exe().unwrap())
            .env(RELAY_TO, format!("{own} {to}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| line.split_once(LISTENING)?.1.parse().ok());
        Relay { child, address: address.unwrap() }
    }

    /// Another address for the neighbour, which the pod can reach.
    pub(super) fn take_address(&self, address: IpAddr) {
        run(self.inside().args(["ip", "address", "add", &format!("{address}/128"), "dev", "eth0", "nodad"]));
        run(Command::new("ip").args(["route", "add", &format!("{address}/128"), "dev", "eth0"]));
    }

    /// It has that address no longer.
    pub(super) fn give_address_back(&self, address: IpAddr) {
        run(Command::new("ip").args(["route", "del", &format!("{address}/128"), "dev", "eth0"]));
        run(self.inside().args(["ip", "address", "del", &format!("{address}/128"), "dev", "eth0"]));
    }

    /// A command that runs in the neighbour's namespace.
    fn inside(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--net"]);
        command
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}

/// A process of the neighbour that forwards bytes. Ended with the value.
pub(super) struct Relay {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Drop for Relay {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _may_have_ended = child.kill();
    let _reaped = child.wait();
}

fn addresses(v4: Ipv4Addr, v6: Ipv6Addr) -> String {
    // An address is used at once where duplicates are not looked for.
    format!("ip address add {v4}/24 dev eth0 && ip address add {v6}/64 dev eth0 nodad && ip link set eth0 up")
}

/// Whether this process was started as a relay. If so, it forwards until it is killed.
pub(crate) fn is_relay() -> bool {
    let Some(addresses) = env::var(RELAY_TO).ok() else { return false };
    let (own, to) = addresses.split_once(' ').unwrap();
    let (own, to): (IpAddr, SocketAddr) = (own.parse().unwrap(), to.parse().unwrap());
    let relaying = async {
        let listener = TcpListener::bind((own, 0)).await.unwrap();
        println!("{LISTENING}{}", listener.local_addr().unwrap());
        accept(listener, own, to).await;
    };
    Builder::new_current_thread().enable_all().build().unwrap().block_on(relaying);
    true
}

/// A relay in this namespace: a connection to the address that it gives leads to the other one, and arrives from `own`.
pub(super) async fn relay_from(own: IpAddr, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept(listener, own, to));
    address
}

async fn accept(listener: TcpListener, own: IpAddr, to: SocketAddr) {
    while let Ok((accepted, _)) = listener.accept().await {
        tokio::spawn(forward(accepted, own, to));
    }
}

async fn forward(mut accepted: TcpStream, own: IpAddr, to: SocketAddr) -> io::Result<()> {
    let socket = if own.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind((own, 0).into())?;
    let mut forwarded = socket.connect(to).await?;
    tokio::io::copy_bidirectional(&mut accepted, &mut forwarded).await.map(|_| ())
}
