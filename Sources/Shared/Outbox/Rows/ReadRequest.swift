/// Where a lane of the log is to be read on.
package struct ReadRequest: Sendable, Equatable {
    package let lane: Int
    /// The ownership of the lane that wants it.
    package let claim: Int
    package let afterID: Int64
    package let limit: Int

    package init(lane: Int, claim: Int, afterID: Int64, limit: Int) {
        self.lane = lane
        self.claim = claim
        self.afterID = afterID
        self.limit = limit
    }
}

/// What was read, by the lanes that it was read for.
package struct ReadAnswer: Sendable {
    package let requests: [ReadRequest]
    /// In the order of their ids within a lane; each with its lane.
    package let rows: [(lane: Int, row: OutboxRow)]
    /// Those of the rows that are parked or superseded.
    package let excepted: Set<Int64>
    /// How long the rows are, in bytes.
    package let byteCount: Int

    package init(
        requests: [ReadRequest], rows: [(lane: Int, row: OutboxRow)], excepted: Set<Int64>, byteCount: Int
    ) {
        self.requests = requests
        self.rows = rows
        self.excepted = excepted
        self.byteCount = byteCount
    }
}
