//! Groups of the members file: how the file is read, and who is a member.

use super::*;

const OTHER_ISSUER: &str = "https://other.example";

fn issuers() -> BTreeSet<String> {
    [ISSUER, OTHER_ISSUER].map(str::to_owned).into()
}

fn members(text: &str) -> Result<Members, String> {
    Members::parse("members.toml", text, &issuers()).map_err(|problems| problems.to_string())
}

/// Editors of both issuers by different claims, readers of one, and a group without members.
const MEMBERS: &str = r#"
[[group]]
name = "editors"
issuer = "https://issuer.example"
claim = "email"
members = ["ada@example.com", "4711", "true"]

[[group]]
name = "editors"
issuer = "https://issuer.example"
claim = "/staff/numbers"
members = ["17", "a"]

[[group]]
name = "editors"
issuer = "https://other.example"
members = ["bob", "*"]

[[group]]
name = "readers"
issuer = "https://other.example"
members = "carol"

[[group]]
name = "empty"
issuer = "https://issuer.example"
members = []
"#;

fn compile_with(members: Option<&Members>, rules: &str) -> Result<Policy, String> {
    let buckets = BTreeMap::from([(media(), media_profile())]);
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers(),
        trust_domains: &BTreeSet::from(["prod.example".to_owned()]),
        variables: &Variables::None,
        members,
    };
    let text = format!(
        "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = ''\ndownload = {{}}\n\
         [[tier]]\nname = 'own'\nbucket = 'media'\nprefix = 'own/{{sub}}/'\ndownload = {{}}\n{rules}"
    );
    Policy::parse("policy.toml", &text, &context).map_err(|problems| problems.to_string())
}

fn with_rules(rules: &str) -> Policy {
    compile_with(Some(&members(MEMBERS).unwrap()), rules).unwrap()
}

fn grant(to: &str) -> Policy {
    with_rules(&format!("[[grant]]\nname = 'yes'\ntiers = 't'\noperations = 'download'\nto = {{ {to} }}"))
}

fn denial(rest: &str) -> Policy {
    with_rules(&format!(
        "[[grant]]\ntiers = 't'\noperations = 'download'\nto = {{ authenticated = true }}\n\
         [[denial]]\nname = 'no'\n{rest}"
    ))
}

fn refusal(policy: &Policy, claims: &Value) -> Option<RefusalReason> {
    download(policy, claims, "x").err()
}

fn denied() -> RefusalReason {
    RefusalReason::Denied("no".into())
}

const NOT_GRANTED: Option<RefusalReason> = Some(RefusalReason::NotGranted);

#[test]
fn a_member_is_known_by_issuer_claim_and_value() {
    let (yes, no) =
        (grant("members_of = ['editors', 'readers']"), denial("to = { members_of = ['editors', 'readers'] }"));
    for claims in [
        json!({ "email": "ada@example.com", "email_verified": true }),
        json!({ "staff": { "numbers": [3, 17] } }),
        json!({ "staff": { "numbers": ["b", "a"] } }),
        json!({ "iss": OTHER_ISSUER, "sub": "bob" }),
        json!({ "iss": OTHER_ISSUER, "sub": "*" }),
        json!({ "iss": OTHER_ISSUER, "sub": "carol" }),
        json!({ "iss": OTHER_ISSUER, "sub": ["x", "carol"] }),
    ] {
        assert_eq!(refusal(&yes, &claims), None, "{claims}");
        assert_eq!(refusal(&no, &claims), Some(denied()), "{claims}");
    }
    for claims in [
        // The same text in a token of the other issuer, or in another claim.
        json!({ "iss": OTHER_ISSUER, "email": "ada@example.com", "email_verified": true }),
        json!({ "sub": "bob" }),
        json!({ "sub": "carol" }),
        json!({ "sub": "ada@example.com", "name": "ada@example.com" }),
        json!({ "iss": "https://third.example", "sub": "bob" }),
        json!({ "iss": OTHER_ISSUER, "sub": "Bob" }),
        json!({ "iss": OTHER_ISSUER, "sub": "bob " }),
        json!({ "iss": OTHER_ISSUER, "sub": "anyone" }),
        json!({ "email": "Ada@example.com", "email_verified": true }),
        json!({ "staff": { "numbers": null } }),
        json!({ "staff/numbers": "a", "/staff/numbers": "a" }),
        json!({}),
    ] {
        assert_eq!(refusal(&yes, &claims), NOT_GRANTED, "{claims}");
        assert_eq!(refusal(&no, &claims), None, "{claims}");
    }
}

#[test]
fn a_token_cannot_claim_that_its_caller_is_a_member() {
    let (yes, no) = (grant("members_of = ['editors']"), denial("to = { groups = ['editors'] }"));
    for claims in [
        json!({ "groups": ["editors"] }),
        json!({ "iss": OTHER_ISSUER, "groups": ["editors"], "members_of": ["editors"], "sub": "eve" }),
        json!({ "sub": "editors", "email": "editors", "email_verified": true }),
    ] {
        assert_eq!(refusal(&yes, &claims), NOT_GRANTED, "{claims}");
    }
    // And a member is in no group of the token.
    assert_eq!(refusal(&no, &json!({ "iss": OTHER_ISSUER, "sub": "bob" })), None);
}

#[test]
fn what_is_in_doubt_is_a_member_in_denials_only() {
    let (yes, no) = (grant("members_of = ['editors']"), denial("to = { members_of = ['editors'] }"));
    for claims in [
        json!({ "email": "ada@example.com" }),
        json!({ "email": ["ada@example.com"], "email_verified": true }),
        json!({ "staff": { "numbers": [["a"]] } }),
        json!({ "staff": { "numbers": { "a": 1 } } }),
    ] {
        assert_eq!(refusal(&yes, &claims), NOT_GRANTED, "{claims}");
        assert_eq!(refusal(&no, &claims), Some(denied()), "{claims}");
    }
    // Another address is no member, verified or not.
    for claims in [json!({ "email": "eve@example.com" }), json!({ "staff": { "numbers": 17.5 } })] {
        assert_eq!((refusal(&yes, &claims), refusal(&no, &claims)), (NOT_GRANTED, None), "{claims}");
    }
}

#[test]
fn a_claim_that_is_elsewhere_decides_neither_way() {
    let (yes, no) = (grant("members_of = ['editors']"), denial("to = { members_of = ['editors'] }"));
    let elsewhere = json!({ "_claim_names": { "email": "src1" } });
    assert_eq!(refusal(&yes, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("yes".into()))));
    assert_eq!(refusal(&no, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("no".into()))));
    // Another list of the group knows the caller.
    let known = json!({ "_claim_names": { "email": "src1" }, "staff": { "numbers": "a" } });
    assert_eq!((refusal(&yes, &known), refusal(&no, &known)), (None, Some(denied())));
    // No list is about this claim of the other issuer.
    let other = json!({ "iss": OTHER_ISSUER, "_claim_names": { "email": "src1" } });
    assert_eq!((refusal(&yes, &other), refusal(&no, &other)), (NOT_GRANTED, None));
}

#[test]
fn a_group_without_members_grants_and_denies_nothing() {
    let (yes, no) = (grant("members_of = ['empty']"), denial("to = { members_of = 'empty' }"));
    for claims in
        [json!({}), json!({ "sub": "ada" }), json!({ "sub": "" }), json!({ "iss": OTHER_ISSUER, "sub": "bob" })]
    {
        assert_eq!((refusal(&yes, &claims), refusal(&no, &claims)), (NOT_GRANTED, None), "{claims}");
    }
}

#[test]
fn every_condition_must_hold_with_members_of() {
    let yes = grant("members_of = ['editors'], issuers = ['https://other.example'], groups = ['staff']");
    assert_eq!(refusal(&yes, &json!({ "iss": OTHER_ISSUER, "sub": "bob", "groups": ["staff"] })), None);
    for claims in [
        json!({ "iss": OTHER_ISSUER, "sub": "bob" }),
        json!({ "iss": OTHER_ISSUER, "groups": ["staff"] }),
        json!({ "staff": { "numbers": "a" }, "groups": ["staff"] }),
    ] {
        assert_eq!(refusal(&yes, &claims), NOT_GRANTED, "{claims}");
    }
}

#[test]
fn a_caller_without_a_token_is_no_member() {
    let workload = WorkloadId::parse("spiffe://prod.example/ns/web/sa/front").unwrap();
    let alone = Caller::from_workload(workload);
    let (yes, no) = (grant("members_of = ['editors']"), denial("to = { members_of = ['editors'] }"));
    assert_eq!(read(&yes, &alone, "x").unwrap_err().reason, RefusalReason::NotGranted);
    assert!(read(&no, &alone, "x").is_ok());
}

/// A denial with required claims means the callers of the issuers that the groups name.
#[test]
fn required_claims_of_a_denial_are_about_the_issuers_of_the_groups() {
    let no = denial("required_claims = ['dept']\nto = { members_of = ['readers'] }");
    assert_eq!(refusal(&no, &json!({ "iss": OTHER_ISSUER, "sub": "eve" })), Some(denied()));
    assert_eq!(refusal(&no, &json!({ "iss": OTHER_ISSUER, "sub": "eve", "dept": "x" })), None);
    assert_eq!(refusal(&no, &json!({ "iss": OTHER_ISSUER, "sub": "carol", "dept": "x" })), Some(denied()));
    assert_eq!(refusal(&no, &json!({ "sub": "eve" })), None, "the group has no callers of this issuer");
}

#[test]
fn members_of_alone_needs_no_issuers_and_other_names_do() {
    let rule = |tier: &str, rest: &str| format!("[[grant]]\ntiers = '{tier}'\noperations = 'download'\n{rest}");
    let groups = members(MEMBERS).unwrap();
    let compiled = |rules: &str| drop(compile_with(Some(&groups), rules).unwrap());
    compiled(&rule("t", "to = { members_of = 'editors' }"));
    compiled(&rule("own", "to = { members_of = 'editors', issuers = 'any' }"));
    for (tier, rest) in [
        ("t", "to = { members_of = 'editors', groups = 'a' }"),
        ("t", "to = { members_of = 'editors', claims = { a = 'b' } }"),
        ("t", "required_claims = 'a'\nto = { members_of = 'editors' }"),
        ("own", "to = { members_of = 'editors' }"),
    ] {
        let problems = compile_with(Some(&groups), &rule(tier, rest)).unwrap_err();
        assert!(problems.contains("must have issuers"), "{rest}: {problems}");
    }
}

#[test]
fn a_policy_refers_to_groups_that_exist() {
    let rule = |to: &str| format!("[[denial]]\nto = {{ {to} }}");
    let groups = members(MEMBERS).unwrap();
    let problem = |members: Option<&Members>, to: &str| compile_with(members, &rule(to)).unwrap_err();
    for (to, expected) in [
        ("members_of = 'editor'", "to.members_of refers to undefined group \"editor\"; did you mean \"editors\"?"),
        ("members_of = ['readers', 'zz']", "to.members_of refers to undefined group \"zz\""),
        ("members_of = []", "to.members_of must not be an empty list"),
        ("members_of = ''", "to.members_of refers to undefined group \"\""),
    ] {
        let problems = problem(Some(&groups), to);
        assert!(problems.contains(expected) && problems.lines().count() == 1, "{problems}");
    }
    let without = problem(None, "members_of = 'editors'");
    assert!(without.contains("to.members_of requires policy.members_file in the configuration"), "{without}");
    assert_eq!(without.lines().count(), 1, "{without}");
    // An empty file is no missing file: it has no group of that name.
    let empty = problem(Some(&members("").unwrap()), "members_of = 'editors'");
    assert!(empty.contains("refers to undefined group"), "{empty}");
}

#[test]
fn only_so_many_groups_are_compared_for_a_hint() {
    let group = |number: usize| format!("[[group]]\nname = 'readers-{number}'\nissuer = '{ISSUER}'\nmembers = []\n");
    let hint = |count: usize| {
        let members = members(&(0..count).map(group).collect::<String>()).unwrap();
        compile_with(Some(&members), "[[denial]]\nto = { members_of = 'readers-1x' }")
            .unwrap_err()
            .contains("did you mean")
    };
    assert!(hint(100));
    assert!(!hint(101));
}

#[test]
fn the_outline_counts_groups_and_members() {
    let outline = members(MEMBERS).unwrap().outline();
    assert_eq!((outline.groups, outline.members), (3, 8));
    assert_eq!(with_rules("").members(), Some(outline));
    assert_eq!(compile_with(None, "").unwrap().members(), None);
    let outline = members("a = 1\n").map(|members| members.outline());
    assert!(outline.unwrap_err().contains("members.toml:1: a is not a known setting"));
}

#[test]
fn the_hash_is_the_sha256_of_the_text() {
    // By `printf '# no groups\n' | sha256sum`.
    let expected = "fa2ceaf932c166eaec6b9491c677a4ce45f7823e251f62fd5f3ef9fa3da36b44";
    let hash = members("# no groups\n").unwrap().outline().hash.to_string();
    assert_eq!(hash, expected);
}

#[test]
fn each_rule_of_a_group_is_checked() {
    let group = |lines: &str| members(&format!("[[group]]\n{lines}"));
    let whole = "name = 'a'\nissuer = 'https://issuer.example'\nmembers = ['b']\n";
    assert!(group(whole).is_ok());
    for (from, to, expected) in [
        ("name = 'a'\n", "", "group[0].name is required"),
        ("name = 'a'", "name = 'A b'", "group[0].name must"),
        ("issuer = 'https://issuer.example'\n", "", "group[0].issuer is required"),
        (
            "https://issuer.example",
            "https://x.example",
            "group[0].issuer refers to undefined issuer \"https://x.example\"; the configuration has \"https://issuer.example\", \"https://other.example\"",
        ),
        ("members = ['b']\n", "", "group[0].members is required"),
        ("['b']", "['b', '']", "group[0].members must not have an empty value"),
        ("['b']", "[1]", "group[0].members must be a string or a list of strings"),
        ("members", "claim = '/a/'\nmembers", "group[0].claim must"),
        ("members", "claim = ''\nmembers", "group[0].claim must"),
        ("members", "member = []\nmembers", "group[0].member is not a known setting; did you mean members?"),
        ("['b']", "['${USER}']", "must not use the variable USER, because this file has no variables"),
    ] {
        let problems = group(&whole.replace(from, to)).unwrap_err();
        assert!(problems.contains(expected) && problems.lines().count() == 1, "{problems}\nlacks: {expected}");
    }
}

#[test]
fn one_list_for_each_name_issuer_and_claim() {
    let group =
        |issuer: &str, claim: &str| format!("[[group]]\nname = 'a'\nissuer = '{issuer}'\n{claim}\nmembers = []\n");
    let both = |one: String, other: String| members(&format!("{one}{other}"));
    for claim in ["", "claim = 'sub'", "claim = '/sub'"] {
        let problems = both(group(ISSUER, ""), group(ISSUER, claim)).unwrap_err();
        assert!(problems.contains("group[1] repeats the name, issuer and claim of another group"), "{problems}");
    }
    assert!(both(group(ISSUER, ""), group(ISSUER, "claim = 'email'")).is_ok());
    assert!(both(group(ISSUER, ""), group(OTHER_ISSUER, "")).is_ok());
}

#[test]
fn a_million_members_are_looked_up_and_one_more_is_refused() {
    let with = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("'u{number}'")).collect();
        members(&format!("[[group]]\nname = 'a'\nissuer = '{ISSUER}'\nmembers = [{}]\n", names.join(",")))
    };
    let all = with(MAX_MEMBERS).unwrap();
    let policy = compile_with(Some(&all), "[[grant]]\ntiers = 't'\noperations = 'download'\nto = { members_of = 'a' }");
    let policy = policy.unwrap();
    assert_eq!(refusal(&policy, &json!({ "sub": "u999999" })), None);
    assert_eq!(refusal(&policy, &json!({ "sub": "u1000000" })), NOT_GRANTED);
    let problems = with(MAX_MEMBERS + 1).unwrap_err();
    assert!(problems.contains("has 1000001 members in all groups; the limit is 1000000"), "{problems}");
}

#[test]
fn a_list_that_is_gone_is_a_loss_and_a_shorter_list_is_none() {
    let before = members(MEMBERS).unwrap();
    let lost = |after: &str| -> Vec<String> {
        lost_lists(&before, &members(after).unwrap()).iter().map(ToString::to_string).collect()
    };
    assert_eq!(lost(MEMBERS), [""; 0]);
    assert_eq!(lost(&MEMBERS.replace("\"ada@example.com\", ", "")), [""; 0]);
    let at = |what: &str| &MEMBERS[..MEMBERS.rfind(what).unwrap()];
    let empty = "group \"empty\" of issuer https://issuer.example, claim sub: 0 instead of 1";
    assert_eq!(lost(at("[[group]]")), [empty]);
    assert_eq!(lost("").len(), 5);
    // A file that ends before `claim` means another claim.
    let claim = MEMBERS.replace("claim = \"/staff/numbers\"\n", "");
    assert_eq!(
        lost(&claim),
        ["group \"editors\" of issuer https://issuer.example, claim /staff/numbers: 0 instead of 1"]
    );
    let more = format!("{MEMBERS}[[group]]\nname = 'z'\nissuer = '{ISSUER}'\nmembers = []\n");
    assert_eq!(lost(&more), [""; 0]);
}

#[test]
fn every_setting_of_a_members_file_is_recorded() {
    let reference = Members::reference();
    let settings: Vec<&str> = reference.table("group").unwrap().settings.iter().map(|setting| setting.key).collect();
    assert_eq!(settings, ["name", "issuer", "claim", "members"]);
}

#[test]
fn logs_have_no_members() {
    let shown = format!("{:?}", members(MEMBERS).unwrap());
    assert!(!shown.contains("ada"), "{shown}");
    let policy = format!("{:?}", grant("members_of = ['editors']"));
    assert!(policy.contains("MemberGroup") && !policy.contains("ada"), "{policy}");
}
