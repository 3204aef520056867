//! Rules about two settings, with each of the two from every source.

use super::overrides::ENVIRONMENT_PREFIX;
use super::*;

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    File,
    Environment,
    Flag,
}

const SOURCES: [Source; 3] = [Source::File, Source::Environment, Source::Flag];

/// A setting with its value in TOML.
type Setting = (&'static str, &'static str);

/// The problems of a configuration with these settings, without their locations.
fn problems(settings: &[(Setting, Source)], further: &str) -> Vec<String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::from([("policy", "file = 'policy.toml'\n".to_owned())]);
    let mut overrides = Overrides::new();
    for ((path, value), source) in settings {
        let (section, setting) = path.split_once('.').unwrap();
        let text = value.trim_matches('"').to_owned();
        match source {
            Source::File => {
                let entries = sections.entry(section).or_default();
                *entries = format!("{entries}{setting} = {value}\n");
            }
            Source::Environment => {
                let name = format!("{ENVIRONMENT_PREFIX}{}", path.replace('.', "__").to_uppercase());
                overrides.extend(environment_overrides([(name, text)]));
            }
            Source::Flag => flag_override(&mut overrides, "--flag", path, Some(text)),
        }
    }
    let sections: Vec<String> = sections.iter().map(|(name, settings)| format!("[{name}]\n{settings}")).collect();
    let sections = sections.concat();
    let (_, lists) = GOOD.split_once("[[issuer]]").unwrap();
    let text = format!("{sections}[[issuer]]{lists}{further}");
    match Config::parse("test", &text, Path::new(FOLDER), overrides, PlainHttp::Refused) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.as_slice().iter().map(|problem| format!("{} {}", problem.setting, problem.rule)).collect()
        }
    }
}

/// The settings, with every combination of the sources.
fn combinations(settings: &[Setting]) -> Vec<Vec<(Setting, Source)>> {
    settings.iter().fold(vec![Vec::new()], |combinations, setting| {
        let with = |source| combinations.iter().map(move |before| [&before[..], &[(*setting, source)]].concat());
        SOURCES.into_iter().flat_map(with).collect()
    })
}

#[test]
fn a_rule_about_two_settings_holds_for_every_source() {
    const CALLER: Setting = ("quota.caller", "\"5/s\"");
    const FILE: Setting = ("audit.file", "\"audit.jsonl\"");
    let only_for_files = |setting: &str| vec![format!("{setting} applies only when output = \"file\"")];
    let cases: [(&[Setting], Vec<String>); 12] = [
        (&[CALLER, ("quota.unlimited", "true")], vec!["quota.unlimited cannot be combined with caller".to_owned()]),
        (&[CALLER, ("quota.unlimited", "false")], vec![]),
        (&[CALLER, ("quota.caller_burst", "9")], vec![]),
        (&[("quota.caller_burst", "9")], vec!["quota.caller_burst requires caller to be set".to_owned()]),
        (
            &[("quota.caller_burst", "9"), ("quota.unlimited", "true")],
            vec!["quota.caller_burst requires caller to be set".to_owned()],
        ),
        (&[("audit.output", "\"file\""), FILE], vec![]),
        (&[("audit.output", "\"file\"")], vec!["audit.file is required with output = \"file\"".to_owned()]),
        (&[("audit.output", "\"none\""), FILE], only_for_files("audit.file")),
        (&[FILE], only_for_files("audit.file")),
        (&[("audit.output", "\"stdout\""), ("audit.rotate_size", "\"1MiB\"")], only_for_files("audit.rotate_size")),
        (&[("audit.output", "\"stdout\""), ("audit.rotate_keep", "3")], only_for_files("audit.rotate_keep")),
        (&[("policy.file", "\"\"")], vec!["policy.file must not be empty".to_owned()]),
    ];
    for (settings, expected) in cases {
        for combination in combinations(settings) {
            // The section already has a file, which cannot be set twice.
            if combination.contains(&(("policy.file", "\"\""), Source::File)) {
                continue;
            }
            assert_eq!(problems(&combination, ""), expected, "{combination:?}");
        }
    }
}

#[test]
fn an_address_together_with_listeners_is_refused_from_every_source() {
    let listener = "[[listener]]\naddress = '127.0.0.1:1'\nproof = 'token'\n";
    for source in SOURCES {
        let address = (("server.grpc_addr", "\"127.0.0.1:2\""), source);
        let expected = "server.grpc_addr cannot be combined with [[listener]]: each listener has its own address";
        assert_eq!(problems(&[address], listener), [expected], "{source:?}");
        assert_eq!(problems(&[address], ""), [""; 0], "{source:?}");
    }
}

#[test]
fn a_quota_of_the_environment_is_active_without_one_in_the_file() {
    let variables = [("QUOTA__CALLER", "5/s"), ("QUOTA__CALLER_BURST", "9")];
    let variables = variables.map(|(name, text)| (format!("{ENVIRONMENT_PREFIX}{name}"), text.to_owned()));
    let overrides = environment_overrides(variables);
    let config = Config::parse("test", GOOD, Path::new(FOLDER), overrides, PlainHttp::Refused).unwrap();
    let burst = std::num::NonZeroU32::new(9).unwrap();
    assert_eq!(config.quota.caller, crate::quota::RateLimit::parse("5/s").map(|rate| rate.with_burst(burst)));
}

#[test]
fn the_time_to_settle_and_the_public_key_have_bounds() {
    const KEY: &str = "RWQOri3nPag3maWHXbMMYbmFqCnKUOXfGbM4IsGCAIDlAcfW2JDJE9ib";
    let with = |settings: &str| {
        let text = GOOD.replace("[policy]\n", &format!("[policy]\n{settings}\n"));
        Config::parse("test", &text, Path::new(FOLDER), Overrides::new(), PlainHttp::Refused)
    };
    let default = with("").unwrap();
    assert_eq!((default.policy.settle, default.policy.minisign_public_key), (Duration::from_secs(10), None));
    for (settle, seconds) in [("1s", 1), ("10m", 600)] {
        let config = with(&format!("settle = '{settle}'")).unwrap();
        assert_eq!(config.policy.settle, Duration::from_secs(seconds));
        assert!(config.issuers.iter().all(|issuer| issuer.file_settle == Duration::from_secs(seconds)));
    }
    for settle in ["0s", "601s", "11m"] {
        let problems = with(&format!("settle = '{settle}'")).unwrap_err();
        assert_eq!(problems.to_string(), "test:3: policy.settle must be between 1s and 10m");
    }
    assert!(with(&format!("minisign_public_key = '{KEY}'")).unwrap().policy.minisign_public_key.is_some());
    for key in ["", "untrusted comment: minisign public key 9937A83DE72DAE0E", &KEY[..55], &KEY.replace("RWQ", "XXX")] {
        let problems = with(&format!("minisign_public_key = '{key}'")).unwrap_err().to_string();
        assert!(problems.starts_with("test:3: policy.minisign_public_key must be the second line"), "{problems}");
    }
}
