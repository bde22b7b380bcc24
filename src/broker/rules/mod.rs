//! What the broker does about what happened: one file per cause. `dispatch` calls them all, none calls
//! `dispatch`.

pub mod accounts;
pub mod admission;
pub mod artist;
pub mod cancelling;
pub mod connectivity;
pub mod deaths;
pub mod deliveries;
pub mod dispatch;
pub mod following;
pub mod forgetting;
pub mod fronts;
pub mod gone_posts;
pub mod health;
pub mod indexing;
pub mod inspect;
pub mod leasing;
pub mod outcomes;
pub mod pictures;
pub mod queries;
pub mod query_steps;
pub mod reservations;
pub mod retries;
pub mod scan_requests;
pub mod scans;
pub mod submissions;
pub mod time;
pub mod updates;
pub mod verdicts;
pub mod views;
pub mod watches;
