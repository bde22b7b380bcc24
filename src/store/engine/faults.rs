//! What the engines' errors mean for the caller.

use std::error::Error;

use rusqlite::{ErrorCode, ffi};
use sqlx::mysql::MySqlDatabaseError;

use crate::store::error::{EngineError, EngineFault, StoreError};

/// A value of another type than its column has.
pub fn unreadable(error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Statement { step: "read a value", source: EngineError::new(EngineFault::Misfit, error) }
}

/// What the server's error means for the caller.
pub fn of_server(error: sqlx::Error) -> EngineError {
    use sqlx::Error;
    let fault = match &error {
        Error::Database(told) => match told.try_downcast_ref::<MySqlDatabaseError>() {
            Some(told) => mysql_fault(told.number()),
            None => postgres_fault(told.code().as_deref().unwrap_or_default()),
        },
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => EngineFault::Surroundings,
        _ => EngineFault::Misfit,
    };
    EngineError::new(fault, error)
}

/// By the server's error numbers, which MySQL and MariaDB share below 1800.
fn mysql_fault(number: u16) -> EngineFault {
    match number {
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
        1205 | 1213 => EngineFault::Busy,
        // Disk full, table full; out of memory; too many connections; shutting down; killed;
        // read-only for now (a replica that is being promoted)
        1021 | 1114 | 1037 | 1038 | 1040 | 1041 | 1053 | 1077 | 1079 | 1203 | 1290 | 1317 | 1836 | 1927 => {
            EngineFault::Surroundings
        }
        // Crashed or corrupt tables
        1034 | 1035 | 1194 | 1195 | 1712 => EngineFault::Damaged,
        _ => EngineFault::Misfit,
    }
}

/// By SQLSTATE.
fn postgres_fault(code: &str) -> EngineFault {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => EngineFault::Busy,
        "XX001" | "XX002" => EngineFault::Damaged,
        // Connection, resources (disk full, memory, too many connections), shut down, system error
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            EngineFault::Surroundings
        }
        _ => EngineFault::Misfit,
    }
}

/// What an error of SQLite means for the caller.
pub fn of_sqlite(error: rusqlite::Error) -> EngineError {
    let fault = match error.sqlite_error_code() {
        // The file or its log ends before what it says it holds.
        Some(ErrorCode::SystemIoFailure)
            if error
                .sqlite_error()
                .is_some_and(|told| told.extended_code == ffi::SQLITE_IOERR_SHORT_READ) =>
        {
            EngineFault::Damaged
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            EngineFault::Busy
        }
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted,
        ) => EngineFault::Surroundings,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineFault::Damaged,
        Some(_) | None => EngineFault::Misfit,
    };
    EngineError::new(fault, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_servers() {
        for (number, fault) in [
            (1213, EngineFault::Busy),
            (1040, EngineFault::Surroundings),
            (1194, EngineFault::Damaged),
            (1146, EngineFault::Misfit),
        ] {
            assert_eq!(mysql_fault(number), fault, "{number}");
        }
        for (code, fault) in [
            ("40P01", EngineFault::Busy),
            ("57P01", EngineFault::Surroundings),
            ("53100", EngineFault::Surroundings),
            ("XX001", EngineFault::Damaged),
            ("42P01", EngineFault::Misfit),
        ] {
            assert_eq!(postgres_fault(code), fault, "{code}");
        }
    }
}
