//! Endpoints that send one control: to a contact, to a party of one, or to a guest of a room.

/// An endpoint that sends one control. What it is sent to says where it stands in the path and what is answered; the module
/// has a function `control` that sends it.
macro_rules! control {
    (contact, $name:ident, $path:literal, $id:literal, $control:expr, $about:literal) => {
        control!(
            "contacts", $name, $path, $id, $about,
            [("contactId" = shape::ContactId, Path, description = "The contact")],
            ContactPath(contact), ContactPath, contact, $control,
            ContactSnapshot, "The contact after it"
        );
    };
    (connection, $name:ident, $path:literal, $id:literal, $control:path, $about:literal) => {
        control!(
            "connections", $name, $path, $id, $about,
            [
                ("contactId" = shape::ContactId, Path, description = "The contact"),
                ("connectionId" = u64, Path, description = "The party")
            ],
            ConnectionPath(contact, connection), ConnectionPath, contact, $control(connection),
            ContactSnapshot, "The contact after it"
        );
    };
    (guest, $name:ident, $path:literal, $id:literal, $control:path, $about:literal) => {
        control!(
            "conferences", $name, $path, $id, $about,
            [("name" = String, Path, description = "The room"), ("connectionId" = u64, Path, description = "The guest")],
            GuestPath(room, connection), GuestPath, room, $control(connection),
            ConferenceView, "The room after it"
        );
    };
    (
        $tag:literal, $name:ident, $path:literal, $id:literal, $about:literal, [$($param:tt),*],
        $place:pat_param, $extractor:ty, $whose:expr, $control:expr, $view:ident, $after:literal
    ) => {
        #[doc = $about]
        #[utoipa::path(
            post, path = $path, tag = $tag, operation_id = $id,
            params($($param,)* IdempotencyKey),
            responses((status = 200, description = $after, body = shape::$view), CommandProblems)
        )]
        async fn $name(
            State(app): State<App>,
            caller: Caller,
            $place: $extractor,
        ) -> Result<Json<Box<$view>>, ApiError> {
            control(&app, &caller, $whose, $control).await
        }
    };
}
pub(super) use control;
