//! baton-contact
