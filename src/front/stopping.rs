//! How everything that `front` serves learns that it must end.

use tokio::sync::watch;

/// Resolves once `stopped` is true, or nobody is left who could say so.
pub(super) async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // `wait_for` returns a lock on the value, which must not live across another await.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
