use super::*;

/// Checks the credentials each minute for two days, with URLs of an hour.
async fn assert_never_short(answers: &[Answer], random: f64) {
    let fixture = Fixture::with_random(answers, random);
    fixture.cache.refresh().await.unwrap();
    let task = fixture.keep_fresh();
    for minute in 0..2 * 24 * 60 {
        assert!(fixture.usable_for() >= HOUR, "minute {minute}, random {random}: {:?}", fixture.usable_for());
        sleep(MINUTE).await;
    }
    let renewals =
        fixture.cache.status().refreshes.iter().find(|(result, _)| *result == RefreshResult::Renewed).unwrap().1;
    assert!((9..=12).contains(&renewals), "{renewals}");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn no_url_is_ever_cut_short_where_the_provider_renews() {
    for random in [0.0, 1.0] {
        assert_never_short(&[Answer::Give("A", Some(6 * HOUR))], random).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_url_is_cut_short_by_a_few_minutes_of_failures() {
    // Eight failures in a row take 183 seconds at most.
    let mut answers = vec![Answer::Fail; 8];
    answers.insert(0, Answer::Give("A", Some(6 * HOUR)));
    answers.push(Answer::Give("B", Some(6 * HOUR)));
    for random in [0.0, 1.0] {
        assert_never_short(&answers, random).await;
    }
}
