//! The tests of this target, by name.

use std::env;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Builder;

use crate::requirement::Requirement;
use crate::support::own_network;

/// Collects the tests.
pub(crate) struct Registry<'a> {
    arguments: &'a Arguments,
    trials: Vec<Trial>,
}

/// A list of requirements, by their names.
macro_rules! needs {
    ([$($need:ident),*]) => { [$($crate::requirement::Requirement::$need),*] };
}
pub(crate) use needs;

/// Registers asynchronous tests of this module, which all need the same: `register!(registry, [Envoy], a, b)`.
macro_rules! register {
    ($registry:expr, $needs:tt, $($test:ident),+ $(,)?) => { $(
        $registry.add(
            concat!(module_path!(), "::", stringify!($test)),
            &$crate::registry::needs!($needs),
            $test,
        );
    )+ };
}
pub(crate) use register;

/// The same for tests that take an S3 server, once for each of some servers.
macro_rules! register_on {
    ($registry:expr, $peers:expr, $needs:tt, $($test:ident),+ $(,)?) => { $(
        for peer in $peers {
            let needs = [peer.needs(), &$crate::registry::needs!($needs)].concat();
            let path = format!("{}::{}::{}", module_path!(), stringify!($test), peer.name());
            $registry.add(&path, &needs, move || $test(peer));
        }
    )+ };
}
pub(crate) use register_on;

impl<'a> Registry<'a> {
    pub(crate) const fn new(arguments: &'a Arguments) -> Self {
        Self { arguments, trials: Vec::new() }
    }

    pub(crate) fn into_trials(self) -> Vec<Trial> {
        self.trials
    }

    /// Adds a test, which runs on a runtime of one thread, as those of `#[tokio::test]` do.
    pub(crate) fn add<F: Future<Output = ()>>(
        &mut self,
        path: &str,
        needs: &[Requirement],
        test: impl FnOnce() -> F + Send + 'static,
    ) {
        self.add_blocking(path, needs, || Builder::new_current_thread().enable_all().build().unwrap().block_on(test()));
    }

    /// Adds a test that needs no runtime.
    pub(crate) fn add_blocking(&mut self, path: &str, needs: &[Requirement], test: impl FnOnce() + Send + 'static) {
        let (_crate, name) = path.split_once("::").unwrap();
        let name = name.to_owned();
        // Programs are looked for only where the answer matters.
        let missing = if self.is_selected(&name) { needs.iter().copied().find(|need| !need.is_met()) } else { None };
        let is_ignored = missing.is_some() && env::var_os("CI").is_none();
        let in_own_network = needs.contains(&Requirement::OwnNetwork);
        let run = {
            let name = name.clone();
            move || {
                if let Some(missing) = missing {
                    return Err(Failed::from(missing.to_string()));
                }
                if !in_own_network || own_network::is_inside(&name) {
                    test();
                }
                Ok(())
            }
        };
        self.trials.push(Trial::test(name, run).with_ignored_flag(is_ignored));
    }

    fn is_selected(&self, name: &str) -> bool {
        let Arguments { filter, exact, .. } = self.arguments;
        filter.as_ref().is_none_or(|filter| if *exact { name == filter } else { name.contains(filter) })
    }
}
