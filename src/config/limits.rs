//! The section `[limits]`: what clients may ask of the program.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::{LOOPBACK, ip_address};

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Limits {
        /// Queries in progress for one address.
        max_processing_requests_per_ip: u32 = 10, number(1..=1_000_000);
        /// Queries in progress, of everybody together.
        max_processing_requests: u32 = 2000, number(1..=1_000_000);
        /// HTTP requests to the query endpoints per second from one address.
        requests_per_second: u32 = 1, number(1..=1_000_000);
        /// Addresses to which neither limit applies.
        unlimited_ips: Vec<IpAddr> = LOOPBACK.to_vec(), texts(ip_address);
        /// Addresses that may search by image file.
        advanced_ips: Vec<IpAddr> = LOOPBACK.to_vec(), texts(ip_address);
        /// Finished queries and searches kept for asking again; the oldest are forgotten first.
        max_kept_queries: u32 = 10_000, number(100..=10_000_000);
    }
}
