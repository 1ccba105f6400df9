//! Directories as former versions have stored them.

use serde_json::{Map, Value};

use crate::country::Country;

/// Brings the trunks' number plans of a stored directory up to date: they named their country by its calling code
/// (`countryCode`), and do so by its region (`country`). Where countries share a code it is the main one's; prefixes that a
/// plan names stay. Says whether anything was changed.
pub fn name_countries_by_region(directory: &mut Value) -> bool {
    let trunks = directory.get_mut("trunks").and_then(Value::as_array_mut).into_iter().flatten();
    let plans = trunks.filter_map(|trunk| trunk.get_mut("numbers")?.as_object_mut());
    plans.map(name_country_by_region).filter(|changed| *changed).count() > 0
}

/// Takes the empty user names of trunks away: they were read as none. Says whether there was one.
pub fn drop_empty_user_names(directory: &mut Value) -> bool {
    let trunks = directory.get_mut("trunks").and_then(Value::as_array_mut).into_iter().flatten();
    let trunks = trunks.filter_map(Value::as_object_mut);
    let empty = trunks.filter(|trunk| trunk.get("username").and_then(Value::as_str) == Some(""));
    empty.map(|trunk| trunk.remove("username")).count() > 0
}

fn name_country_by_region(plan: &mut Map<String, Value>) -> bool {
    let Some(code) = plan.remove("countryCode") else { return false };
    let code = code.as_str().and_then(|code| code.parse().ok());
    match code.and_then(Country::main_of_code) {
        Some(country) => drop(plan.entry("country").or_insert_with(|| country.region().into())),
        // There is no such code, so there were no such numbers: what only its national ones need goes with it.
        None => without_national(plan),
    }
    // Such a prefix was passed over, the same one twice was read as the international one.
    if plan.get("internationalPrefix").and_then(Value::as_str) == Some("") {
        plan.remove("internationalPrefix");
    }
    if plan.get("nationalPrefix").is_some_and(|prefix| Some(prefix) == plan.get("internationalPrefix")) {
        plan.remove("nationalPrefix");
    }
    true
}

fn without_national(plan: &mut Map<String, Value>) {
    plan.remove("nationalPrefix");
    let is_national = |value: &Value| value == "national";
    if plan.get("unprefixed").is_some_and(is_national) {
        plan.remove("unprefixed");
    }
    if plan.get("format").is_some_and(is_national) {
        plan.insert("format".to_owned(), "international".into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::NumberPlan;

    #[test]
    fn a_number_plan_by_calling_code_becomes_its_main_regions() {
        let cases = [
            (json!({"countryCode": "49"}), json!({"country": "DE"})),
            (json!({"countryCode": "1", "format": "national"}), json!({"country": "US", "format": "national"})),
            (json!({"countryCode": "44"}), json!({"country": "GB"})),
            (json!({"countryCode": "7"}), json!({"country": "RU"})),
            (
                json!({"countryCode": "39", "nationalPrefix": "", "internationalPrefix": "00"}),
                json!({"country": "IT", "nationalPrefix": "", "internationalPrefix": "00"}),
            ),
            (
                json!({"countryCode": "49", "nationalPrefix": "00", "internationalPrefix": "00"}),
                json!({"country": "DE", "internationalPrefix": "00"}),
            ),
            // No country has them.
            (
                json!({"countryCode": "999", "nationalPrefix": "0", "unprefixed": "national", "format": "national"}),
                json!({"format": "international"}),
            ),
            (json!({"countryCode": "800", "unprefixed": "international"}), json!({"unprefixed": "international"})),
            (json!({"countryCode": 49}), json!({})),
        ];
        for (before, expected) in cases {
            let mut directory = json!({"trunks": [{"name": "a"}, {"name": "b", "numbers": before}]});
            assert!(name_countries_by_region(&mut directory), "{before}");
            let plan = &directory["trunks"][1]["numbers"];
            assert_eq!(plan, &expected);
            serde_json::from_value::<NumberPlan>(plan.clone()).unwrap();
            assert!(!name_countries_by_region(&mut directory), "once is enough");
        }
    }

    #[test]
    fn an_empty_user_name_is_none() {
        let mut directory = json!({"trunks": [{"name": "a", "username": ""}, {"name": "b", "username": "b"}]});
        assert!(drop_empty_user_names(&mut directory));
        assert_eq!(directory, json!({"trunks": [{"name": "a"}, {"name": "b", "username": "b"}]}));
        assert!(!drop_empty_user_names(&mut directory), "once is enough");
    }

    #[test]
    fn what_is_no_directory_stays_as_it_is() {
        for odd in [json!(null), json!([]), json!({"trunks": 7}), json!({"trunks": [7, {"numbers": null}]})] {
            let mut after = odd.clone();
            assert!(!name_countries_by_region(&mut after) && !drop_empty_user_names(&mut after));
            assert_eq!(after, odd);
        }
    }
}
