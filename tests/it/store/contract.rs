//! What every store keeps, whatever it is made of: a test for each sentence of the port.

pub mod confirmations;
pub mod erasure;
pub mod haste;
pub mod intake;
pub mod lanes;
pub mod leases;
pub mod people;
pub mod publications;
pub mod retention;
pub mod spending;
pub mod storms;

/// Runs the whole contract in the places that `$place` gives, each new and empty; none where the
/// tests go without.
macro_rules! suite {
    ($place:expr) => {
        $crate::store::contract::suite! { @ $place;
            confirmations::who_waits_is_listed_by_cause_the_longest_first,
            confirmations::an_acceptance_ends_the_wait,
            confirmations::another_message_confirms_nothing,
            confirmations::what_is_given_up_or_held_says_so_until_it_is_redriven,
            confirmations::a_wait_goes_on_or_ends_with_its_journey,
            erasure::with_the_customer_goes_what_was_written_to_them,
            erasure::what_is_written_with_the_erasure_is_not_kept_either,
            haste::retries_are_brought_forward_the_soonest_first_and_no_more_than_asked,
            haste::what_waits_for_more_than_its_back_off_stays,
            haste::a_lane_keeps_its_order,
            intake::offsets_begin_once_and_advance_from_what_was,
            intake::a_former_owner_writes_nothing,
            intake::a_journey_is_written_from_the_version_that_was_loaded,
            intake::a_batch_that_fails_at_its_end_leaves_nothing,
            intake::journeys_come_in_the_order_of_their_keys,
            intake::many_are_found_in_the_order_that_they_are_asked_for,
            intake::a_waybill_leads_to_the_journey_of_that_moment,
            intake::one_parcel_may_hold_two_orders,
            intake::a_customer_leads_to_all_their_orders,
            intake::references_do_not_mix,
            intake::parked_events_wait_for_their_reference,
            intake::what_parked_events_wait_for_comes_page_by_page,
            intake::journeys_are_woken_earliest_first,
            intake::a_wake_is_moved_kept_and_forgotten,
            lanes::the_first_of_each_lane_is_leased_at_once,
            lanes::capacity_bounds_what_a_commit_leases,
            lanes::a_notification_is_there_once,
            lanes::a_lane_goes_on_when_its_first_is_finished,
            lanes::a_retry_holds_its_lane_until_it_is_due,
            lanes::what_comes_next_is_leased_only_when_due,
            lanes::a_withdrawn_one_frees_its_lane,
            lanes::withdrawing_respects_capacity_and_what_is_finished,
            lanes::one_decided_and_withdrawn_in_the_same_batch_never_leaves,
            lanes::a_redriven_one_takes_its_old_place,
            lanes::a_redriven_one_waits_for_the_one_that_is_being_sent,
            lanes::one_that_waits_for_its_retry_is_not_leased_when_another_is_withdrawn,
            lanes::an_attempt_of_one_that_lost_its_turn_leaves_the_turn_alone,
            leases::a_claim_takes_what_is_due_of_its_provider,
            leases::a_claim_brings_back_all_that_was_written,
            leases::a_claim_takes_the_earliest_and_no_more_than_asked,
            leases::a_lease_that_ran_out_is_taken_over,
            leases::when_what_caused_one_came_in_is_known_to_its_end,
            leases::a_late_attempt_of_a_former_owner_changes_nothing,
            leases::an_attempt_on_a_finished_one_changes_nothing,
            leases::an_attempt_after_the_lease_but_before_a_takeover_counts,
            leases::a_released_one_can_be_claimed_at_once,
            leases::a_released_one_can_be_put_off,
            leases::only_the_owner_releases,
            leases::attempts_are_counted,
            leases::an_outage_leaves_its_first_and_its_last_attempt,
            people::a_timeline_tells_everything,
            people::a_timeline_says_whom_each_message_was_for,
            people::an_unknown_journey_has_no_timeline,
            people::dead_letters_come_oldest_first,
            people::a_redriven_notification_starts_anew,
            people::only_what_was_given_up_is_redriven,
            people::a_dead_record_is_redriven_as_it_came,
            people::what_is_put_away_waits_no_more_and_never_leaves,
            people::the_backlog_counts_what_waits,
            people::the_backlog_ignores_what_waits_behind_another,
            people::it_answers,
            publications::they_come_as_they_were_written,
            publications::they_are_written_with_the_batch_or_not_at_all,
            publications::an_attempt_brings_its_own,
            publications::each_stream_has_its_own_order,
            publications::what_has_arrived_is_forgotten,
            publications::one_process_at_a_time_has_the_turn,
            publications::a_turn_that_is_given_back_is_free,
            storms::a_rule_that_passes_its_mark_is_held_from_that_batch_on,
            storms::a_batch_that_passes_the_mark_is_held_whole,
            storms::what_another_rule_says_overtakes_what_is_held,
            storms::a_storm_ends_after_an_hour_below_the_mark,
            storms::a_batch_that_is_not_written_counts_nothing,
            storms::what_is_released_goes_back_into_its_lane,
            storms::what_is_released_takes_its_old_place,
            storms::what_is_dropped_is_lent_and_withdrawn,
            storms::what_follows_a_held_one_is_held_and_let_go_with_it,
            storms::a_held_confirmation_says_so_until_it_is_let_go,
            storms::what_was_held_is_no_history,
            storms::of_each_day_the_busiest_hour_counts,
            retention::what_was_sent_goes_after_its_time_and_what_waits_stays,
            retention::an_old_order_goes_with_everything_that_hangs_on_it,
            retention::what_waits_in_vain_goes_after_its_time,
            retention::what_a_storm_holds_in_vain_goes_too,
            retention::what_is_not_old_is_not_gone_through,
            spending::it_is_written_only_on_what_it_was_decided_on,
            spending::customers_do_not_mix,
            spending::a_customer_who_is_forgotten_is_on_record_no_more,
            spending::what_was_told_long_ago_goes,
        }
    };
    (@ $place:expr; $($part:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let Some(place) = $place else { return };
                let store = place.open().await;
                $crate::store::contract::$part::$case(&*store).await;
            }
        )*
    };
}
pub(crate) use suite;
