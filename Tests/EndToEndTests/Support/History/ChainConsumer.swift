/// Takes each event exactly once and in order, as docs/messages.md has it.
struct ChainConsumer<Series: Hashable> {
    private var last: [Series: Int64] = [:]
    private(set) var taken: Set<Int64> = []

    mutating func receive(_ announcement: Announcement, of series: Series) {
        let last = last[series] ?? 0
        let follows = announcement.previousID.map { $0 == last } ?? (announcement.id > last)
        guard follows else { return }
        self.last[series] = announcement.id
        taken.insert(announcement.id)
    }
}
