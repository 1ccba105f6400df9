//! URIs and what is made of them: what reads is printed as it reads again.

use baton_sip::Transport;
use baton_sip::locate::srv_name;
use baton_sip::wire::{
    EventPackage, Host, NameAddr, Params, ReferTo, Replaces, SessionExpires, SubscriptionState, Uri, Via, escape,
    split_commas, unescape,
};

pub(crate) fn run(data: &[u8]) {
    // A header's value may have control characters, but no reader of ours keeps them: they are printed as blanks.
    let Ok(text) = str::from_utf8(data).map(|text| text.replace(char::is_control, " ")) else { return };
    let text = text.as_str();
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Ok(&uri), "a URI reads back");
        assert!(uri.equivalent(&uri), "a URI is itself");
        let _ = (uri.scheme(), uri.user());
        if let Some(sip) = uri.as_sip() {
            let _ = (sip.header("Replaces"), sip.transport(), sip.host.ip());
            let _ = Replaces::from_uri(sip);
        }
    }
    if let Ok(party) = NameAddr::parse(text) {
        assert_eq!(NameAddr::parse(&party.to_string()).as_ref(), Ok(&party), "a name-addr reads back");
        let again = NameAddr::from_party(&party.party()).expect("what was read can be written");
        assert_eq!(again.party(), party.party(), "what we tell of a party is the party");
    }
    if let Ok(refer_to) = ReferTo::parse(text) {
        assert!(Uri::parse(&refer_to.uri.to_string()).is_ok(), "the target of a REFER can be called");
    }
    if let Ok(replaces) = Replaces::parse(text) {
        assert_eq!(Replaces::parse(&replaces.to_string()), Ok(replaces.clone()), "Replaces reads back");
        let (name, value) = replaces.to_uri_header();
        assert_eq!(name, "Replaces");
        assert_eq!(Replaces::parse(&unescape(&value)), Ok(replaces), "and in a URI");
    }
    if let Ok(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()), Ok(host), "a host reads back");
        let _ = srv_name(Transport::Udp, text);
    }
    if let Ok(params) = Params::parse(text) {
        assert_eq!(Params::parse(&params.to_string()), Ok(params), "parameters read back");
    }
    if let Ok(via) = Via::parse(text) {
        assert_eq!(Via::parse(&via.to_string()), Ok(via), "a Via reads back");
    }
    let _ = (SessionExpires::parse(text), EventPackage::parse(text), SubscriptionState::parse(text));
    assert!(split_commas(text).count() <= text.len() + 1);
    assert_eq!(unescape(&escape(text)), text, "what is escaped is unescaped");
}
