//! Request bodies of guests: bounded in size and time, and cleaned of what could play tricks on a terminal.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;

use crate::observed::clean_line;

/// The whole body, at most `limit` bytes of it.
pub(super) async fn read_all(body: Body, limit: usize, patience: Duration) -> Result<Vec<u8>, StatusCode> {
    read(body, patience, |kept, data| {
        if kept.len() + data.len() > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        kept.extend_from_slice(data);
        Ok(())
    })
    .await
}

/// The last `keep` bytes of a body, at most sixteen times as long: of a log, the end says what went wrong.
pub(super) async fn read_tail(body: Body, keep: usize, patience: Duration) -> Result<Vec<u8>, StatusCode> {
    let mut total = 0usize;
    read(body, patience, |kept, data| {
        total = total.saturating_add(data.len());
        if total > keep * 16 {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        kept.extend_from_slice(data);
        if kept.len() > keep {
            kept.drain(..kept.len() - keep);
        }
        Ok(())
    })
    .await
}

async fn read(
    mut body: Body,
    patience: Duration,
    mut take: impl FnMut(&mut Vec<u8>, &[u8]) -> Result<(), StatusCode>,
) -> Result<Vec<u8>, StatusCode> {
    let reading = async {
        let mut kept = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            if let Some(data) = frame.data_ref() {
                take(&mut kept, data)?;
            }
        }
        Ok(kept)
    };
    tokio::time::timeout(patience, reading).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?
}

/// Lines for people out of bytes of a guest: nothing of it can act on the terminal that shows it.
pub(super) fn clean_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\r', "\n").replace('\t', "    ");
    let lines: Vec<String> = text.lines().map(clean_line).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn bodies_are_kept_whole_or_refused() {
        assert_eq!(read_all(Body::from("abc"), 3, PATIENCE).await, Ok(b"abc".to_vec()));
        assert_eq!(read_all(Body::from("abcd"), 3, PATIENCE).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test]
    async fn of_a_long_log_the_end_is_kept() {
        assert_eq!(read_tail(Body::from("0123456789"), 4, PATIENCE).await, Ok(b"6789".to_vec()));
        assert_eq!(read_tail(Body::from("x".repeat(65)), 4, PATIENCE).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[test]
    fn text_of_guests_cannot_act_on_a_terminal() {
        assert_eq!(clean_text(b"a\x1b[31mred\x07\r\nb\tc\x00\xff\n\n"), "a[31mred\nb    c\u{fffd}");
        assert_eq!(clean_text("x\u{202e}y\u{9b}z".as_bytes()), "xyz");
    }
}
