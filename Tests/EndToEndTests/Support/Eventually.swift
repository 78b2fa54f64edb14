/// What was waited for did not happen in time.
struct TooLate: Error, CustomStringConvertible {
    let description: String
}

/// Looks until the condition holds.
/// - Parameter what: what is waited for, for the error's sake.
/// - Throws: ``TooLate`` when the time is up, or what the condition throws.
func eventually(
    _ what: String, within limit: Duration = .seconds(120), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < end else { throw TooLate(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Waits until a count has reached a goal; gives up when it has not changed for so long. A slow machine takes its time, what
/// stands still is stuck.
func eventually(
    _ what: String, ifNothingMovesFor limit: Duration, count: () async throws -> Int, reaches goal: Int
) async throws {
    var (last, end) = (try await count(), ContinuousClock.now + limit)
    while last < goal {
        guard .now < end else { throw TooLate(description: "\(what): stands still at \(last) for \(limit)") }
        try await Task.sleep(for: .milliseconds(20))
        let now = try await count()
        if now != last { (last, end) = (now, .now + limit) }
    }
}
