//! Typed settings: bounds, defaults, and what they record.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn parse(text: &str, overrides: Overrides) -> Document<'_> {
    Document::parse("x.toml", text, overrides, &Variables::None).unwrap()
}

/// The problems of one setting, read by `read`.
fn problems<T>(text: &str, read: impl FnOnce(&mut Table<'_>) -> T) -> (T, String) {
    let document = parse(text, Overrides::new());
    let mut root = document.root();
    let value = read(&mut root);
    root.finish();
    let problems = document.into_result(Some(())).err().map(|problems| problems.to_string());
    (value, problems.unwrap_or_default())
}

#[test]
fn a_number_is_within_its_bounds_and_both_belong_to_them() {
    let read = |text: &str| {
        problems(text, |root| root.setting("a", "").duration().within(SECOND..=Duration::from_mins(5)).or(SECOND * 9))
    };
    assert_eq!(read("a = '1s'"), (SECOND, String::new()));
    assert_eq!(read("a = '5m'"), (Duration::from_mins(5), String::new()));
    assert_eq!(read(""), (SECOND * 9, String::new()));
    for wrong in ["a = '0s'", "a = '301s'"] {
        assert_eq!(read(wrong), (SECOND * 9, "x.toml:1: a must be between 1s and 5m".to_owned()));
    }
    assert_eq!(
        read("a = 5").1,
        "x.toml:1: a must be a duration in whole seconds with a unit, such as \"30s\" or \"15m\""
    );

    let most = |text: &str| problems(text, |root| root.setting("a", "").size().at_most(1_u64 << 20).or(0)).1;
    assert_eq!(most("a = '1MiB'"), "");
    assert_eq!(most("a = '1048577B'"), "x.toml:1: a must be at most 1MiB");
    let least = |text: &str| problems(text, |root| root.setting("a", "").duration().at_least(SECOND).or(SECOND)).1;
    assert_eq!(least("a = '0s'"), "x.toml:1: a must be at least 1s");
    let fits = |text: &str| problems(text, |root| root.setting("a", "").count().or(7_u32));
    assert_eq!(fits("a = 4294967295"), (u32::MAX, String::new()));
    assert_eq!(fits("a = 4294967296"), (7, "x.toml:1: a must be at most 4294967295".to_owned()));
    assert_eq!(fits("a = -1").1, "x.toml:1: a must be a whole number without quotes");
}

#[test]
fn a_required_setting_is_there_and_not_empty() {
    let read = |text: &str| problems(text, |root| root.setting("a", "").text().required().map(|found| found.value));
    assert_eq!(read("a = 'b'"), (Some("b".to_owned()), String::new()));
    assert_eq!(read("").1, "x.toml: a is required");
    assert_eq!(read("a = ''"), (None, "x.toml:1: a must not be empty".to_owned()));
    let may_be_empty = |text: &str| {
        problems(text, |root| root.setting("a", "").text().required_because("is missing").map(|found| found.value))
    };
    assert_eq!(may_be_empty("a = ''"), (Some(String::new()), String::new()));
    assert_eq!(may_be_empty("").1, "x.toml: a is missing");
}

#[test]
fn choices_flags_paths_and_lists_say_what_they_take() {
    let choice = |text: &str| problems(text, |root| root.setting("a", "").choice(&[("on", 1), ("off", 0)]).or(1));
    assert_eq!(choice("a = 'off'"), (0, String::new()));
    assert_eq!(choice("a = 'of'"), (1, "x.toml:1: a must be one of: on, off".to_owned()));
    let flag = |text: &str| problems(text, |root| root.setting("a", "").flag().or(true));
    assert_eq!(flag("a = false"), (false, String::new()));
    assert_eq!(flag("a = 'false'").1, "x.toml:1: a must be true or false");
    let path = |text: &str| {
        problems(text, |root| root.setting("a", "").path(Path::new("/f")).optional().map(|path| path.value))
    };
    assert_eq!(path("a = 'b'").0, Some(PathBuf::from("/f/b")));
    assert_eq!(path("a = '/b'").0, Some(PathBuf::from("/b")));
    assert_eq!(path("a = ''").1, "x.toml:1: a must not be empty");
    let list = |text: &str| {
        let parse = |text: &str| text.parse::<u8>().map_err(|_| format!("has {text:?}"));
        problems(text, |root| {
            let found = root.setting("a", "").list("number").each(parse);
            found.map(|values| values.into_iter().map(|value| value.value).collect::<Vec<_>>())
        })
    };
    assert_eq!(list("a = ['1', '2']"), (Some(vec![1, 2]), String::new()));
    assert_eq!(list("a = '3'").0, Some(vec![3]));
    assert_eq!(list("a = []").0, Some(vec![]));
    assert_eq!(list("a = ['1',\n'x']"), (Some(vec![1]), "x.toml:2: a has \"x\"".to_owned()));
}

#[test]
fn every_form_can_be_given_from_outside() {
    let given = |text: &str| Overrides::from([("a".to_owned(), (Location::Flag("--a".to_owned()), text.to_owned()))]);
    let document = parse("a = 'x'", given("7"));
    assert_eq!(document.root().setting("a", "").count().or(0_u32), 7);
    let document = parse("", given("true"));
    assert!(document.root().setting("a", "").flag().or(false));
    let document = parse("", given("1, 2"));
    let list = document.root().setting("a", "").list("string").optional().unwrap();
    assert_eq!(list.iter().map(|item| item.value.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let document = parse("", given("9s"));
    assert_eq!(document.root().setting("a", "").duration().at_most(SECOND).or(SECOND), SECOND);
    let problems = document.into_result(Some(())).unwrap_err().to_string();
    assert_eq!(problems, "flag --a: a must be at most 1s");
}

fn read_example(document: &Document<'_>) {
    let mut root = document.root();
    root.setting("name", "The name.").text().required();
    let mut server = root.table("server");
    server.describe("The server.", "");
    server.setting("wait", "How long.").duration().within(SECOND..=SECOND * 60).or(SECOND * 5);
    server.setting("wait", "Read again, and the first one counts.").flag().or(true);
    server.finish();
    for mut bucket in root.tables("bucket") {
        bucket.describe("A bucket.", "none");
        bucket.setting("owner", "Who.").text().limits("12 digits").absent("not checked").optional();
        for mut endpoint in bucket.tables("endpoint") {
            endpoint.setting("kind", "Which.").choice(&[("a", 1), ("b", 2)]).or(2);
            endpoint.finish();
        }
        let tags = bucket.table("tags");
        tags.describe_free_keys("A tag.");
        bucket.finish();
    }
    root.finish();
}

#[test]
fn readers_over_an_empty_document_describe_what_it_can_have() {
    let reference = Document::describe(read_example);
    let paths: Vec<_> = reference.tables.iter().map(|table| (table.path.as_str(), table.is_list)).collect();
    let expected =
        [("", false), ("server", false), ("bucket", true), ("bucket.endpoint", true), ("bucket.tags", false)];
    assert_eq!(paths, expected);
    let wait = &reference.table("server").unwrap().settings;
    let number = Values::Number { unit: Unit::Seconds, least: 1, most: 60 };
    assert_eq!(wait.len(), 1);
    assert_eq!((&wait[0].values, &wait[0].absent), (&number, &Absent::Default("5s".to_owned())));
    assert_eq!(wait[0].values.bounds(), "1s to 1m");
    let owner = &reference.table("bucket").unwrap().settings[0];
    assert_eq!((owner.limits, &owner.absent), ("12 digits", &Absent::Described("not checked")));
    let kind = &reference.table("bucket.endpoint").unwrap().settings[0];
    assert_eq!(kind.absent, Absent::Default("b".to_owned()));
    assert_eq!(reference.table("").unwrap().settings[0].absent, Absent::Invalid);
    assert_eq!(reference.table("bucket.tags").unwrap().free_keys, Some("A tag."));
    let children: Vec<_> = reference.children("bucket").map(|(key, _)| key).collect();
    assert_eq!(children, ["endpoint", "tags"]);
    assert_eq!(reference.overridable().map(|table| table.path.as_str()).collect::<Vec<_>>(), ["server"]);
}

#[test]
fn nothing_is_recorded_while_a_file_is_read_and_reading_is_the_same() {
    let text = "name = 'n'\n[server]\nwait = '7s'\n[[bucket]]\n[[bucket.endpoint]]\nkind = 'a'\n";
    let document = parse(text, Overrides::new());
    read_example(&document);
    assert!(document.recorder().is_none());
    // The second reading of the setting, as a flag, is the one problem.
    let problems = document.into_result(Some(())).unwrap_err().to_string();
    assert_eq!(problems, "x.toml:3: server.wait must be true or false");
}

#[test]
fn numbers_are_written_in_the_largest_unit_and_read_back() {
    for (unit, number, written) in [
        (Unit::Count, 1_024, "1024"),
        (Unit::Seconds, 0, "0s"),
        (Unit::Seconds, 90, "90s"),
        (Unit::Seconds, 3_600, "1h"),
        (Unit::Seconds, 86_400, "24h"),
        (Unit::Seconds, 172_800, "2d"),
        (Unit::Seconds, 604_800, "7d"),
        (Unit::Bytes, 0, "0B"),
        (Unit::Bytes, 1_023, "1023B"),
        (Unit::Bytes, 1_536, "1536B"),
        (Unit::Bytes, 64 << 10, "64KiB"),
        (Unit::Bytes, 5 << 30, "5GiB"),
        (Unit::Bytes, 1 << 40, "1TiB"),
    ] {
        assert_eq!(unit.written(number), written);
        let read = match unit {
            Unit::Count => written.parse().ok(),
            Unit::Seconds => units::parse_duration(written).map(|duration| duration.as_secs()),
            Unit::Bytes => units::parse_byte_size(written),
        };
        assert_eq!(read, Some(number), "{written}");
    }
}

#[test]
fn bounds_are_words_only_where_there_are_bounds() {
    let bounds = |unit, least, most| Values::Number { unit, least, most }.bounds();
    for (least, most, words) in [
        (0, u64::MAX, ""),
        (0, 60, "at most 1m"),
        (1, u64::MAX, "at least 1s"),
        (1, 60, "1s to 1m"),
        (60, 60, "1m to 1m"),
    ] {
        assert_eq!(bounds(Unit::Seconds, least, most), words);
    }
    assert_eq!(Values::Flag.bounds(), "");
}

#[test]
fn defaults_are_written_as_a_file_has_them_and_lists_are_recorded() {
    let reference = Document::describe(|document| {
        let mut root = document.root();
        root.setting("flag", "").flag().or(true);
        root.setting("text", "").text().or("some".to_owned());
        root.setting("path", "").path(Path::new("")).or(PathBuf::from("a/b"));
        root.setting("number", "").parsed("number", |text| text.parse::<u8>().map_err(|_| "")).or(7);
        let _ = root.setting("list", "").list("string").limits("two").absent("all").optional();
        let _ = root.setting("needed", "").list("string").required();
        let _ = root.setting("parsed", "").list("string").each(|text| text.parse::<u8>().map_err(|_| ""));
        let _ = root.table("a").table("b");
    });
    let settings = &reference.table("").unwrap().settings;
    let absent: Vec<_> = settings.iter().map(|setting| (setting.key, setting.absent.clone())).collect();
    let default = |text: &str| Absent::Default(text.to_owned());
    let expected = [
        ("flag", default("true")),
        ("text", default("some")),
        ("path", default("a/b")),
        ("number", default("7")),
        ("list", Absent::Described("all")),
        ("needed", Absent::Invalid),
        ("parsed", Absent::Described("none")),
    ];
    assert_eq!(absent, expected);
    assert_eq!((settings[4].limits, &settings[4].values), ("two", &Values::List("string")));
    let inside = |path| reference.children(path).map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!((inside(""), inside("a"), inside("a.b")), (vec!["a"], vec!["b"], vec![]));
}

#[test]
fn a_required_list_is_there() {
    let read = |text: &str| {
        problems(text, |root| {
            let list = root.setting("a", "").list("string").required();
            list.map(|items| items.into_iter().map(|item| item.value).collect::<Vec<_>>())
        })
    };
    assert_eq!(read("a = ['b']"), (Some(vec!["b".to_owned()]), String::new()));
    assert_eq!(read("a = []"), (Some(vec![]), String::new()));
    assert_eq!(read(""), (None, "x.toml: a is required".to_owned()));
}
