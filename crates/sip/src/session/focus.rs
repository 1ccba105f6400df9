//! The focus of a conference (RFC 4579 §5.1, RFC 3840 §9): what our Contact says of itself.

use super::Session;
use crate::interface::CommandRefused;
use crate::wire::{NameAddr, Uri};

impl Session {
    /// Our Contact is a conference's with this user part, or a plain call's.
    pub(super) fn focus(&mut self, conference: Option<String>) -> Result<(), CommandRefused> {
        let bad = |_| CommandRefused::WrongState;
        let mut own = NameAddr::parse(&self.dialog.contact).map_err(bad)?;
        own.params.remove("isfocus");
        if let (Some(user), Uri::Sip(uri)) = (conference, &mut own.uri) {
            uri.user = Some(user);
            own.params.set("isfocus", None);
        }
        let own = own.to_string();
        NameAddr::parse(&own).map_err(|_| CommandRefused::BadText)?;
        self.dialog.contact = own;
        Ok(())
    }
}
