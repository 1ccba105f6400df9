//! A stream: however it is cut, the same messages come out, and no more is held than one message.

use baton_sip::wire::{Frame, FrameError, Framer, Message};

/// Most bytes of a message on this stream.
const MESSAGE_BYTES_MAX: usize = 4_096;

pub(crate) fn run(data: &[u8]) {
    let [size, data @ ..] = data else { return };
    let whole = cut(data, data.len());
    let pieces = cut(data, usize::from(*size % 64) + 1);
    assert_eq!(pieces, whole, "the cut makes no difference");
    let (frames, _) = whole;
    let mut length = 0;
    for frame in frames {
        if let Frame::Message(bytes) = frame {
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            length += bytes.len();
            if let Ok(message) = Message::parse(bytes.clone()) {
                assert_eq!(message.bytes().len(), bytes.len());
            }
        }
    }
    assert!(length <= data.len());
}

/// The frames, and the error that ended the stream.
fn cut(data: &[u8], size: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut framer = Framer::with_limit(MESSAGE_BYTES_MAX);
    let mut frames = Vec::new();
    for piece in data.chunks(size.max(1)) {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next_frame(), Err(error), "a broken stream stays broken");
                    assert!(!framer.is_within_message());
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}
