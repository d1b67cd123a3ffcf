//! A look at a database of jobs that changes nothing.

use std::time::{Duration, Instant};

use super::address::Address;
use super::errors::PgResult;
use super::pool::{Connection, Limits, Pool};
use super::rows::count;
use super::schema;
use super::time::Time;
use crate::error::Result;
use crate::inspection::{InspectedJobs, Inspection};

/// Answers whose time is measured.
const ANSWERS: u32 = 5;

/// The most needs that are returned.
const MOST_NEEDS: usize = 5;

/// Inspects the database of an address as a server that starts does, but creates and migrates nothing.
pub(crate) fn inspect(address: &str) -> Result<Inspection> {
    let pool = Pool::new(Address::parse(address)?, Limits::default(), false)?;
    let version = schema::look(&pool, &Time::Database)?;
    let mut answered = Duration::MAX;
    for _ in 0..ANSWERS {
        pool.run("ask the database of jobs", |connection| {
            let began = Instant::now();
            connection.query("SELECT", &[])?;
            answered = answered.min(began.elapsed());
            Ok(())
        })?;
    }
    let jobs = match version {
        0 => InspectedJobs::Missing,
        found if found < schema::VERSION => InspectedJobs::Earlier { found },
        _ => pool.run("count jobs and workers", present)?,
    };
    Ok(Inspection { answered, jobs })
}

fn present(connection: &mut Connection) -> PgResult<InspectedJobs> {
    let taken = "EXISTS (SELECT FROM workers WHERE expires_ms > now_ms(NULL) AND (offer IS NULL OR needs <@ offer))";
    let sql = format!(
        "SELECT needs, number, {taken} AS is_taken
         FROM (SELECT needs, count(*) AS number FROM jobs WHERE state = 'queued' GROUP BY needs) AS queued
         ORDER BY number DESC, needs"
    );
    let (mut queued, mut untaken, mut untaken_needs) = (0, 0, Vec::new());
    for row in connection.query(&sql, &[])? {
        let number: u64 = count(&row, "number")?;
        queued += number;
        if !row.try_get::<_, bool>("is_taken")? {
            untaken += number;
            untaken_needs.push((row.try_get("needs")?, number));
        }
    }
    untaken_needs.truncate(MOST_NEEDS);
    let sql = "SELECT offer, count(*) AS number FROM workers WHERE expires_ms > now_ms(NULL)
               GROUP BY offer ORDER BY number DESC, offer";
    let rows = connection.query(sql, &[])?;
    let workers = rows
        .iter()
        .map(|row| Ok((row.try_get("offer")?, count(row, "number")?)));
    Ok(InspectedJobs::Present {
        queued,
        untaken,
        untaken_needs,
        workers: workers.collect::<PgResult<_>>()?,
    })
}
