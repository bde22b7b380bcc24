//! The section `[compliance]`: what networks and artists ask of whoever keeps their posts.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Compliance {
        /// Posts that their network says are gone are removed.
        remove_deleted: bool = true, switch();
    }
}
