//! Tells the broker that something has to wait for better times, and when they have come.

use super::reports::Tell;
use crate::base::ErrorChain;
use crate::store::StoreError;
use crate::storekeeper::orders::{FromStorekeeper, StorePart};

pub struct Trouble {
    part: StorePart,
    tell: Tell,
    told: bool,
}

impl Trouble {
    pub fn new(part: StorePart, tell: Tell) -> Trouble {
        Trouble { part, tell, told: false }
    }

    /// It has to wait, for this reason. A reason that only a person can mend is an error in the log, once.
    pub fn begins(&mut self, error: &StoreError) {
        let why = ErrorChain(error).to_string();
        if error.needs_a_person() && !std::mem::replace(&mut self.told, true) {
            tracing::error!(error = why, "{}", self.part.as_str());
        }
        self.told = true;
        (self.tell)(FromStorekeeper::Trouble { part: self.part, why: Some(why) });
    }

    /// It works. Says so only after trouble.
    pub fn is_over(&mut self) {
        if std::mem::take(&mut self.told) {
            (self.tell)(FromStorekeeper::Trouble { part: self.part, why: None });
        }
    }
}
