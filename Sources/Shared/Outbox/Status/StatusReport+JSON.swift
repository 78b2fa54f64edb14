import ProgramRuntime

extension StatusReport {
    /// The whole as one JSON object: totals, partitions, relays and lanes. Where a lane has more pending rows than are counted,
    /// `pending_is_lower_bound` is true for it and for the total.
    package var json: String {
        let total = { (value: (LaneStatus) -> Int64) in ListingValue.integer(lanes.map(value).reduce(0, +)) }
        return ListingValue.object([
            ("pending", total(\.pending)), ("pending_is_lower_bound", .bool(!lanes.allSatisfy(\.isExact))),
            ("oldest_pending_seconds", .integer(lanes.map(\.oldestSeconds).max() ?? 0)),
            ("published_last_minute", total(\.lastMinute)), ("published_last_15_minutes", total(\.lastQuarter)),
            ("parked", total(\.parked)), ("superseded", total(\.superseded)),
            ("lanes_owned", .integer(Int64(lanes.count(where: \.isOwned)))),
            (
                "partitions",
                .object([
                    ("count", .integer(partitions.count)),
                    ("oldest", partitions.oldest.map(ListingValue.text) ?? .null),
                    ("ids_ahead", .integer(partitions.idsAhead)),
                ])
            ),
            ("relays", .list(relays.map(\.object))),
            ("lanes", .list(lanes.map { .object(zip(LaneStatus.columns, $0.row).map { ($0.name, $1) }) })),
        ]).json
    }
}

extension RelayStatus {
    fileprivate var object: ListingValue {
        .object([
            ("relay", .text(relay)), ("is_silent", .bool(isSilent)), ("heard_seconds_ago", .double(seenAgo)),
            ("started_seconds_ago", .double(startedAgo)), ("published", .integer(published)),
            ("wakeups_by_doorbell", .integer(byDoorbell)), ("wakeups_by_poll", .integer(byPoll)),
            ("doorbell_heard", doorbellHeard.map(ListingValue.bool) ?? .null),
            ("last_error", lastError.map(ListingValue.text) ?? .null),
            ("last_error_seconds_ago", lastError == nil ? .null : .double(lastErrorAgo)),
        ])
    }
}
