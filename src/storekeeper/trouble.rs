//! Tells the broker that something has to wait for better times, and when they have come.

use std::error::Error;

use super::reports::Tell;
use crate::base::ErrorChain;
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

    /// It has to wait, for this reason.
    pub fn begins(&mut self, error: &(dyn Error + 'static)) {
        self.told = true;
        let why = Some(ErrorChain(error).to_string());
        (self.tell)(FromStorekeeper::Trouble { part: self.part, why });
    }

    /// It works. Says so only after trouble.
    pub fn is_over(&mut self) {
        if std::mem::take(&mut self.told) {
            (self.tell)(FromStorekeeper::Trouble { part: self.part, why: None });
        }
    }
}
