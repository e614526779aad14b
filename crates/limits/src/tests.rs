//! The limiter on a real Redis: exact over servers, and never without limits.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool_redis::redis::{self, Client};

use crate::{Limiter, RedisState, Rule, testing::TestRedis};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn requests() -> Rule {
    Rule::new("requests", 100, Duration::from_secs(60)).unwrap()
}

fn reports() -> Rule {
    Rule::new("reports", 10, Duration::from_secs(3_600)).unwrap()
}

/// A limiter as a server of its own would have it.
async fn server(url: &str) -> Arc<Limiter> {
    Arc::new(Limiter::over_redis(url, Some(requests())).await.unwrap())
}

/// Asks so many times at once, over these servers by turns; how often there was room.
async fn ask<F: Future<Output = bool> + Send + 'static>(
    servers: &[Arc<Limiter>],
    times: usize,
    one: impl Fn(Arc<Limiter>) -> F,
) -> usize {
    let tasks = (0..times).map(|i| tokio::spawn(one(Arc::clone(&servers[i % servers.len()]))));
    let mut passed = 0;
    for task in tasks.collect::<Vec<_>>() {
        passed += usize::from(task.await.unwrap());
    }
    passed
}

async fn until(limiter: &Limiter, wanted: impl Fn(&RedisState) -> bool) -> Duration {
    let begun = Instant::now();
    while !wanted(&limiter.redis()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", limiter.redis());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[test]
fn two_servers_let_through_exactly_what_one_would() {
    run(async {
        let redis = TestRedis::start();
        let servers = [server(&redis.url()).await, server(&redis.url()).await];
        let passed =
            ask(&servers, 64, |server| async move { server.take(&reports(), "an organization").await.is_ok() }).await;
        assert_eq!(passed, 10);
        let passed =
            ask(&servers, 300, |server| async move { server.request("a caller").await.unwrap().is_ok() }).await;
        assert_eq!(passed, 100);
        let refused = servers[1].request("a caller").await.unwrap().unwrap_err();
        assert!((55..=61).contains(&refused.wait) && refused.standing.remaining == 0, "{refused:?}");
        assert!((55..=61).contains(&refused.standing.reset_in), "{refused:?}");
        // Another caller has a limit of their own.
        assert_eq!(servers[0].request("another").await.unwrap().unwrap().remaining, 99);
    });
}

#[test]
fn what_comes_to_nothing_is_given_back_on_every_server() {
    run(async {
        let redis = TestRedis::start();
        let servers = [server(&redis.url()).await, server(&redis.url()).await];
        let mut permits = Vec::new();
        for i in 0..10 {
            permits.push(servers[i % 2].take(&reports(), "o").await.unwrap());
        }
        assert!(servers[0].take(&reports(), "o").await.is_err());
        for permit in permits.drain(..3) {
            servers[0].give_back(permit).await;
        }
        let passed = ask(&servers, 20, |server| async move { server.take(&reports(), "o").await.is_ok() }).await;
        assert_eq!(passed, 3);
        let alone = Limiter::in_process(None);
        let permit = alone.take(&reports(), "o").await.unwrap();
        assert_eq!(permit.standing.remaining, 9);
        assert_eq!(alone.give_back(permit).await.remaining, 10);
        assert_eq!(alone.take(&reports(), "o").await.unwrap().standing.remaining, 9);
        assert!(alone.request("caller").await.is_none(), "a rule that is off limits nobody");
    });
}

#[test]
fn several_rules_take_together_or_not_at_all() {
    run(async {
        let redis = TestRedis::start();
        let both = [server(&redis.url()).await, Arc::new(Limiter::in_process(None))];
        for limiter in both {
            let rule = |name, most| Rule { name, most, period: Duration::from_secs(900) };
            let (pair, address) = (rule("pair", 3), rule("address", 5));
            let asks = |account: &str| [(pair, format!("{account}|::1")), (address, "::1".to_owned())];
            let mut passed = 0;
            for _ in 0..10 {
                passed += usize::from(limiter.take_all(&asks("ada")).await.is_ok());
            }
            assert_eq!(passed, 3);
            assert!(limiter.look(&asks("ada")).await.is_err());
            assert!(limiter.look(&asks("bob")).await.is_ok(), "looking takes nothing, and refusals neither");
            assert!(limiter.take_all(&asks("bob")).await.is_ok());
            assert!(limiter.take_all(&asks("bob")).await.is_ok());
            let refused = limiter.take_all(&asks("bob")).await.unwrap_err();
            assert_eq!(refused.standing.limit, 5);
            assert!((880..=915).contains(&refused.wait), "{refused:?}");
        }
    });
}

#[test]
fn a_crash_of_redis_leaves_the_limits_of_the_process_and_it_comes_back_by_itself() {
    run(async {
        let mut redis = TestRedis::start();
        let servers = [server(&redis.url()).await, server(&redis.url()).await];
        assert_eq!(servers[0].check().await, RedisState::Up);
        redis.kill();
        for server in &servers {
            let passed =
                ask(
                    std::slice::from_ref(server),
                    64,
                    |server| async move { server.take(&reports(), "o").await.is_ok() },
                );
            assert_eq!(passed.await, 10, "each process by itself, never none");
            assert!(matches!(server.redis(), RedisState::Down(_)));
        }
        redis.begin();
        for server in &servers {
            let took = until(server, |state| *state == RedisState::Up).await;
            assert!(took < Duration::from_secs(2), "{took:?}");
        }
        let passed = ask(&servers, 64, |server| async move { server.take(&reports(), "o").await.is_ok() }).await;
        assert_eq!(passed, 10);
    });
}

#[test]
fn a_redis_that_answers_nothing_delays_an_answer_once_and_by_a_second() {
    run(async {
        let redis = TestRedis::start();
        let limiter = server(&redis.url()).await;
        redis.freeze();
        let begun = Instant::now();
        let servers = [Arc::clone(&limiter)];
        let passed = ask(&servers, 64, |server| async move { server.take(&reports(), "o").await.is_ok() }).await;
        assert_eq!(passed, 10);
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(matches!(limiter.redis(), RedisState::Down(_)));
        let begun = Instant::now();
        for _ in 0..100 {
            let _ = limiter.request("c").await;
        }
        assert!(begun.elapsed() < Duration::from_millis(500), "who knows that it is away does not ask");
        redis.thaw();
        until(&limiter, |state| *state == RedisState::Up).await;
    });
}

#[test]
fn a_redis_that_is_not_there_yet_is_waited_for_and_one_that_may_not_write_is_none() {
    run(async {
        let mut redis = TestRedis::absent();
        let limiter = server(&redis.url()).await;
        assert!(matches!(limiter.redis(), RedisState::Down(_)));
        assert_eq!(limiter.take(&reports(), "o").await.unwrap().standing.remaining, 9);
        redis.begin();
        until(&limiter, |state| *state == RedisState::Up).await;
        let mut connection = Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let set = async |connection: &mut redis::aio::MultiplexedConnection, value: &str| {
            let mut command = redis::cmd("CONFIG");
            command.arg("SET").arg("min-replicas-to-write").arg(value);
            command.query_async::<()>(connection).await.unwrap();
        };
        set(&mut connection, "1").await;
        assert_eq!(redis::cmd("PING").query_async::<String>(&mut connection).await.unwrap(), "PONG");
        assert!(matches!(limiter.check().await, RedisState::Down(_)), "a ping would not have told");
        assert!(limiter.take(&reports(), "o").await.is_ok());
        set(&mut connection, "0").await;
        until(&limiter, |state| *state == RedisState::Up).await;
    });
}

#[test]
fn what_is_not_redis_is_as_good_as_away() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        });
        let limiter = server(&format!("redis://{address}")).await;
        assert!(matches!(limiter.redis(), RedisState::Down(_)));
        let passed = ask(&[limiter], 64, |server| async move { server.take(&reports(), "o").await.is_ok() }).await;
        assert_eq!(passed, 10);
        assert!(Limiter::over_redis("http://example.com", None).await.is_err());
    });
}

#[test]
fn redis_holds_no_name_and_nothing_for_good() {
    run(async {
        let redis = TestRedis::start();
        let limiter = server(&redis.url()).await;
        let _ = limiter.request("canary@example.com").await;
        let _ = limiter.take(&reports(), "canary@example.com").await;
        let mut connection = Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        assert_eq!(keys.len(), 3, "{keys:?}");
        for key in keys {
            assert!(!key.contains("canary"), "{key}");
            let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
            assert!((1..=3_720_000).contains(&left), "{key} has {left} ms");
        }
    });
}
