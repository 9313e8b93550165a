//! A session store for Victor in Redis.
//!
//! It plays the role of `victor-sql`, and knows of Victor the vocabulary and the contract alone. Each session is a hash
//! with its facts and a version, and a list with its transcript. A write reads the version, decides what is to be
//! written, and has a script write it if the version is still the same; otherwise it begins anew. So several processes
//! can share one database. It has no leases.
//!
//! What survives the loss of the Redis server is what Redis is configured to write to disk (`appendonly yes`).

mod scripts;
mod store;

pub use store::RedisSessionStore;
