/// How many rows of a lane to read at once, so that an answer stays small whatever the size of the bodies.
struct ReadSize {
    /// What an answer for all lanes should have at most, in bytes.
    static let target = 4 << 20
    private static let lanes = 16

    /// Starts small, as nothing is known of the rows.
    private(set) var rowsPerLane = 64

    mutating func learn(rows: Int, bytes: Int) {
        guard rows > 0 else { return }
        rowsPerLane = max(1, min(1024, Self.target / Self.lanes / max(1, bytes / rows)))
    }
}
