use super::*;

/// A small valid directory as JSON, for the cases below to spoil.
fn valid() -> serde_json::Value {
    serde_json::json!({
        "users": [
            {"username": "anna", "routingProfile": "support", "extension": "101", "password": "a-secret",
             "phones": [{"username": "anna-desk", "password": "x"}]},
            {"username": "bert", "extension": "102", "phones": [{"username": "bert-desk", "password": "y"}]},
        ],
        "queues": [{"name": "support", "quickConnects": ["Bert"]}],
        "routingProfiles": [{"name": "support", "defaultOutboundQueue": "support", "queues": [{"queue": "support"}]}],
        "quickConnects": [{"name": "Bert", "type": "USER", "user": "bert"}],
        "trunks": [{"name": "pbx", "address": "127.0.0.1:5080", "networks": ["127.0.0.1/32:5080"]}],
        "numbers": [{"number": "+4989222", "queue": "support"}],
        "routes": [{"prefix": "+", "trunk": "pbx"}],
        "conferences": [{"name": "room"}],
        "destinationClasses": [{"name": "national", "prefixes": ["+49"]}],
        "securityProfiles": [{"name": "clerk", "dial": ["internal", "national"]}],
    })
}

/// Sets the value at a JSON pointer of the valid directory and gives the findings as lines.
fn findings(pointer: &str, value: serde_json::Value) -> Vec<String> {
    let mut json = valid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        serde_json::Value::Array(entries) => entries.push(value),
        serde_json::Value::Object(entry) => drop(entry.insert(key.to_owned(), value)),
        other => panic!("{other} has no members"),
    }
    let line = |e: DirectoryError| {
        format!("{}/{}/{}: {} ({})", e.table, e.entry, e.key, e.message, e.hint.unwrap_or_default())
    };
    validate(&serde_json::from_value(json).unwrap()).into_iter().map(line).collect()
}

#[test]
fn a_valid_directory_has_no_findings() {
    assert_eq!(validate(&serde_json::from_value(valid()).unwrap()), []);
    assert_eq!(validate(&Directory::default()), []);
}

#[test]
fn a_trunks_domain_name_may_leave_the_port_to_the_dns() {
    for address in ["sip.carrier.example", "sip.carrier.example:5061", "pbx:5060"] {
        let trunk = serde_json::json!({
            "name": "carrier", "address": address, "transport": "auto", "networks": ["192.0.2.0/24"]
        });
        assert_eq!(findings("/trunks/-", trunk), [""; 0], "{address}");
    }
}

#[test]
fn a_certificate_name_is_a_trunks_credential_as_a_network_is() {
    let trunk = |name: &str, known: &str| serde_json::json!({"name": name, "address": "sbc.example.com:5061", "transport": "tls", "certificateNames": [known]});
    assert_eq!(findings("/trunks/-", trunk("two", "sbc.example.com")), [""; 0], "its networks need not be known");
    let mut json = valid();
    for (name, known) in [("two", "sbc.example.com"), ("three", "sbc.Example.com.")] {
        json["trunks"].as_array_mut().unwrap().push(trunk(name, known));
    }
    let found = validate(&serde_json::from_value(json).unwrap());
    let found: Vec<_> = found.iter().map(|each| (each.key.as_str(), each.message.as_str())).collect();
    let taken = "\"sbc.Example.com.\" is also a certificate name of the trunk \"two\"";
    assert_eq!(found, [("certificateNames[0]", taken)]);
}

#[test]
fn each_fault_is_found_and_named() {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let cases = [
        ("/numbers/0/queue", r#""suport""#, "numbers/+4989222/queue: unknown queue \"suport\" (support)"),
        (
            "/users/0/routingProfile",
            r#""suport""#,
            "users/anna/routingProfile: unknown routing profile \"suport\" (support)",
        ),
        ("/routes/0/trunk", r#""bpx""#, "routes/+/trunk: unknown trunk \"bpx\" (pbx)"),
        ("/quickConnects/0/user", r#""berta""#, "quickConnects/Bert/user: unknown user \"berta\" (bert)"),
        ("/queues/0/quickConnects", r#"["Zoe"]"#, "queues/support/quickConnects[0]: unknown quick connect \"Zoe\" ()"),
        (
            "/users/1/extension",
            r#""101""#,
            "users/bert/extension: the extension 101 is also that of \"anna\" in users ()",
        ),
        ("/numbers/0/number", r#""102""#, "numbers/102/number: 102 is also the extension of \"bert\" in users ()"),
        (
            "/numbers/0/user",
            r#""anna""#,
            "numbers/+4989222/number: a number leads to exactly one of queue, user, conference, conferenceFactory ()",
        ),
        (
            "/numbers/0/queue",
            "null",
            "numbers/+4989222/number: a number leads to exactly one of queue, user, conference, conferenceFactory ()",
        ),
        ("/queues/0/maxContacts", "0", "queues/support/maxContacts: 0 is not in 1 to 10000 ()"),
        ("/queues/0/offerTimeoutSeconds", "121", "queues/support/offerTimeoutSeconds: 121 is not in 5 to 120 ()"),
        (
            "/trunks/0/networks",
            r#"["127.0.0.1/33"]"#,
            "trunks/pbx/networks[0]: \"127.0.0.1/33\" is not address/prefix or address/prefix:port ()",
        ),
        (
            "/trunks/0/address",
            r#""pbx""#,
            "trunks/pbx/address: \"pbx\" is not host:port (an IPv6 address stands in brackets) ()",
        ),
        (
            "/trunks/-",
            r#"{"name":"two","address":"127.0.0.1:5080"}"#,
            "trunks/two/networks[0]: 127.0.0.1:5080, its gateway, is also a network of the trunk \"pbx\" ()",
        ),
        (
            "/trunks/0/gateways",
            r#"[{"address":"127.0.0.1:5081"}]"#,
            "trunks/pbx/gateways: `address` names the only gateway; with `gateways` it stays away ()",
        ),
        (
            "/trunks/-",
            r#"{"name":"two","gateways":[{"address":"10.0.0.1:5060"},{"address":"10.0.0.1:5060"}]}"#,
            "trunks/two/gateways[1].address: the gateway 10.0.0.1:5060 is there twice ()",
        ),
        (
            "/trunks/-",
            r#"{"name":"two","networks":["10.0.0.0/8"],"gateways":[{"address":"10.0.0.1"}]}"#,
            "trunks/two/gateways[0].address: \"10.0.0.1\" is not host:port (an IPv6 address stands in brackets) ()",
        ),
        (
            "/trunks/-",
            r#"{"name":"two","address":"sbc.example.com:5061"}"#,
            "trunks/two/networks: a trunk whose address is a host name needs its networks, or certificateNames ()",
        ),
        (
            "/trunks/0/certificateNames",
            r#"["sip:sbc.example.com:5061"]"#,
            "trunks/pbx/certificateNames[0]: \"sip:sbc.example.com:5061\" is not a host name, as a certificate bears it \
             (sbc.example.com)",
        ),
        (
            "/trunks/0/certificateNames",
            r#"["*.example.com"]"#,
            "trunks/pbx/certificateNames[0]: \"*.example.com\": no wildcard stands for a name (RFC 5922 §7.2); list each ()",
        ),
        (
            "/trunks/0/certificateNames",
            r#"["sbc.example.com", "SBC.example.com"]"#,
            "trunks/pbx/certificateNames[1]: \"SBC.example.com\" is there twice ()",
        ),
        ("/trunks/0/optionsIntervalSeconds", "4", "trunks/pbx/optionsIntervalSeconds: 4 is not in 5 to 3600 ()"),
        ("/trunks/0/optionsFailures", "0", "trunks/pbx/optionsFailures: 0 is not in 1 to 10 ()"),
        ("/trunks/0/username", r#""""#, "trunks/pbx/username: the user name is empty ()"),
        (
            "/trunks/0/inboundUsername",
            r#""pbx""#,
            "trunks/pbx/inboundPassword: `inboundUsername` needs its `inboundPassword` ()",
        ),
        (
            "/trunks/-",
            r#"{"name":"two","address":"10.0.0.1:5060","inboundUsername":"bert-desk","inboundPassword":"p"}"#,
            "trunks/two/inboundUsername: \"bert-desk\" is also the user name of a phone or of another trunk ()",
        ),
        (
            "/trunks/0/register",
            r#"{"aor":"carrier.example"}"#,
            "trunks/pbx/register.aor: \"carrier.example\" is not sip:user@domain ()",
        ),
        (
            "/trunks/0/register",
            r#"{"aor":"sip:a@b","expiresSeconds":59}"#,
            "trunks/pbx/register.expiresSeconds: 59 is not in 60 to 86400 ()",
        ),
        ("/trunks/0/ptime", "25", "trunks/pbx/ptime: a packet time is 10, 20, 30, 40 or 60 ms ()"),
        ("/trunks/0/codecs", r#"["PCMA","PCMA"]"#, "trunks/pbx/codecs: a codec is named twice ()"),
        (
            "/trunks/0/numbers",
            r#"{"country":"de"}"#,
            "trunks/pbx/numbers.country: \"de\" is not a region of ISO 3166, such as DE (DE)",
        ),
        (
            "/trunks/0/numbers",
            r#"{"country":"UK"}"#,
            "trunks/pbx/numbers.country: \"UK\" is not a region of ISO 3166, such as DE (GB)",
        ),
        (
            "/trunks/0/numbers",
            r#"{"country":"49"}"#,
            "trunks/pbx/numbers.country: \"49\" is not a region of ISO 3166, such as DE ()",
        ),
        (
            "/trunks/0/numbers",
            r#"{"format":"national"}"#,
            "trunks/pbx/numbers.format: national numbers are of a country: give the `country` ()",
        ),
        (
            "/trunks/0/numbers",
            r#"{"country":"BR","format":"international"}"#,
            "trunks/pbx/numbers.internationalPrefix: in this country the international prefix names a carrier: say which is to \
             be written ()",
        ),
        (
            "/trunks/0/numbers",
            r#"{"country":"DE","internationalPrefix":""}"#,
            "trunks/pbx/numbers.internationalPrefix: \"\" is not a prefix: 1 to 8 digits ()",
        ),
        (
            "/trunks/0/numbers",
            r#"{"country":"DE","nationalPrefix":"0","internationalPrefix":"0"}"#,
            "trunks/pbx/numbers.nationalPrefix: both prefixes are the same: nobody could tell such numbers apart ()",
        ),
        ("/quickConnects/0/acceptSeconds", "2", "quickConnects/Bert/acceptSeconds: 2 is not in 3 to 120 ()"),
        ("/queues/0/undoSeconds", "61", "queues/support/undoSeconds: 61 is not in 0 to 60 ()"),
        (
            "/queues/0/recall",
            r#"{"queue":"suport"}"#,
            "queues/support/recall.queue: unknown queue \"suport\" (support)",
        ),
        (
            "/quickConnects/0/recall",
            r#"{"ringSeconds":4}"#,
            "quickConnects/Bert/recall.ringSeconds: 4 is not in 5 to 300 ()",
        ),
        (
            "/quickConnects/0/recall",
            r#"{"promptSeconds":0}"#,
            "quickConnects/Bert/recall.promptSeconds: 0 is not in 1 to 120 ()",
        ),
        ("/users/0/serialSeconds", "4", "users/anna/serialSeconds: 4 is not in 5 to 60 ()"),
        ("/trunks/0/callsPerSecond", "0", "trunks/pbx/callsPerSecond: 0 is not in 1 to 10000 ()"),
        ("/trunks/0/gatewayTimeoutSeconds", "31", "trunks/pbx/gatewayTimeoutSeconds: 31 is not in 1 to 30 ()"),
        ("/routes/0/alternatives", r#"["pbx"]"#, "routes/+/alternatives[0]: the trunk \"pbx\" is named twice ()"),
        ("/routes/0/alternatives", r#"["bpx"]"#, "routes/+/alternatives[0]: unknown trunk \"bpx\" (pbx)"),
        ("/conferences/0/maxParties", "65", "conferences/room/maxParties: 65 is not in 2 to 64 ()"),
        ("/conferences/-", r#"{"name":"room"}"#, "conferences/room/name: \"room\" is there twice in conferences ()"),
        (
            "/users/0/securityProfile",
            r#""clark""#,
            "users/anna/securityProfile: unknown security profile \"clark\" (clerk)",
        ),
        (
            "/trunks/0/securityProfile",
            r#""clark""#,
            "trunks/pbx/securityProfile: unknown security profile \"clark\" (clerk)",
        ),
        (
            "/securityProfiles/0/transfer",
            r#"["nation"]"#,
            "securityProfiles/clerk/transfer[0]: unknown destination class \"nation\" (national)",
        ),
        (
            "/securityProfiles/0/maxOutboundCalls",
            "0",
            "securityProfiles/clerk/maxOutboundCalls: 0 is not in 1 to 1000 ()",
        ),
        (
            "/securityProfiles/0/maxOutboundSeconds",
            "59",
            "securityProfiles/clerk/maxOutboundSeconds: 59 is not in 60 to 86400 ()",
        ),
        ("/securityProfiles/0/maxTransfers", "101", "securityProfiles/clerk/maxTransfers: 101 is not in 1 to 100 ()"),
        (
            "/destinationClasses/0/prefixes",
            r#"["+49 89"]"#,
            "destinationClasses/national/prefixes[0]: a prefix has A-Z a-z 0-9 + * # . _ - only ()",
        ),
        (
            "/destinationClasses/-",
            r#"{"name":"home","prefixes":["+49"]}"#,
            "destinationClasses/home/prefixes[0]: +49 is also a prefix of \"national\" ()",
        ),
        (
            "/destinationClasses/-",
            r#"{"name":"other","prefixes":["+1"]}"#,
            "destinationClasses/other/name: the class \"other\" is there already ()",
        ),
        (
            "/featureCodes",
            r#"{"blindTransfer":"7"}"#,
            "featureCodes//blindTransfer: \"7\" is not * or # and 1 to 5 of 0-9 * # behind it ()",
        ),
        ("/featureCodes", r#"{"mute":"*11"}"#, "featureCodes//mute: \"*11\" cannot be told from the code of `drop` ()"),
        (
            "/featureCodes",
            r#"{"supervise":"*5"}"#,
            "featureCodes//supervise: \"*5\" cannot be told from the code of `undo` ()",
        ),
        ("/featureCodes", r#"{"numberSeconds":0}"#, "featureCodes//numberSeconds: 0 is not in 1 to 30 ()"),
        ("/users/0/username", r#""Anna""#, "users/Anna/username: a user name has 1 to 64 of a-z 0-9 . _ - ()"),
        (
            "/users/1/phones",
            r#"[{"username":"anna-desk","password":"z"}]"#,
            "users/bert/phones[0].username: the phone \"anna-desk\" is also anna's ()",
        ),
        (
            "/users/1/phones",
            r#"[{"username":"bert-desk"}]"#,
            "users/bert/phones[0].password: the phone \"bert-desk\" has neither a password nor both of its hashes ()",
        ),
        (
            "/users/0/passwordHash",
            r#""secret""#,
            "users/anna/passwordHash: not an argon2id hash in PHC form ($argon2id$…) ()",
        ),
        (
            "/quickConnects/0/callerId",
            r#""custmer""#,
            "quickConnects/Bert/callerId: \"custmer\" is not queue, customer or a number (customer)",
        ),
        (
            "/queues/0/callerId",
            r#""quue""#,
            "queues/support/callerId: \"quue\" is not queue, customer or a number (queue)",
        ),
        ("/quickConnects/0/queue", r#""support""#, "quickConnects/Bert/queue: `queue` belongs to type QUEUE only ()"),
        (
            "/routingProfiles/0/queues",
            r#"[{"queue":"support","priority":0}]"#,
            "routingProfiles/support/queues[0].priority: 0 is not in 1 to 99 ()",
        ),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(findings(pointer, json(value)), [expected], "{pointer} = {value}");
    }
}

#[test]
fn the_nearest_word_is_found_and_far_ones_are_not() {
    let words = ["support", "sales", "billing"];
    assert_eq!(nearest("suport", words), Some("support"));
    assert_eq!(nearest("slaes", words), Some("sales"));
    assert_eq!(nearest("Support", words), Some("support"));
    assert_eq!(nearest("zebra", words), None);
    assert_eq!(nearest("", words), None);
}
