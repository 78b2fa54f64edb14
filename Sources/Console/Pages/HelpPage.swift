/// Keys, words, and what to do at three in the morning.
enum HelpPage {
    static let page = Page(
        place: .help, title: "Help",
        body: """
            <h2>Keys</h2>\(keyTable)
            <h2>Words</h2><dl class="facts-list">\(words.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" as HTML })</dl>
            <h2>At three in the morning</h2>\(nightTable)
            <p class="note">The whole table is in <code>docs/operations.md</code>. Every page names the command that does the same; all lists are also JSON, CSV and NDJSON.</p>
            """, isLive: false)

    private static let keyTable: HTML = Table.html(
        caption: "Keys", [.init("key"), .init("does")],
        ([("g", "and then one of the next letters: goes there")]
            + Page.Place.allCases.map { ("g \($0.key)", $0.rawValue) }
            + [
                ("/", "to the first field of the page"), ("j k", "the next row, the one before"),
                ("t", "theme: auto, light, dark"), ("u", "times: UTC, or by this browser's clock"), ("?", "this page"),
                ("Esc", "out of a field"),
            ]).map { keys, what in
                [
                    keys.split(separator: " ").map { "<kbd>\(String($0))</kbd> " as HTML }.joined(),
                    "<span class=\"wide\">\(what)</span>",
                ]
            },
        empty: "")

    private static let words: [(String, String)] = [
        ("event", "a row of the outbox: what is to be announced of a record that was stored"),
        (
            "lane",
            "one of sixteen parts of the outbox; a market is always in the same one, and one relay at a time has it"
        ),
        ("pending", "stored, and not yet confirmed by the broker"),
        ("published", "confirmed by the broker, and in the relay's ledger"),
        ("parked", "the broker rejected it for what is in it; the lane went on without it"),
        ("superseded", "given up by an operator; it can still be replayed"),
        ("quarantine", "messages that could not be records, to the last byte"),
        ("conflict", "a message for a stored record that said something else; the first one stays"),
        ("lag", "from the commit of a record to the broker's confirm of its announcement"),
    ]

    private static let nightTable: HTML = Table.html(
        caption: "At three in the morning", [.init("what you see"), .init("what to do")],
        night.map { ["<span class=\"wide\">\($0.0)</span>", "<span class=\"wide\">\($0.1)</span>"] }, empty: "")

    private static let night: [(String, String)] = [
        (
            "the database or the broker is away",
            "Look at the server. Nothing is lost meanwhile, and nothing needs a restart."
        ),
        (
            "lag grows, both ready",
            "The broker or the consumer is slow, or the output queue is full. Lanes and relays shows which lane."
        ),
        (
            "nothing is received, though collectors are at work",
            "Ask the writer's /readyz, and start one if none runs. What collectors send waits in the queues."
        ),
        ("lanes without a relay for more than 30 seconds", "Start a relay; if one runs, it hangs: restart it."),
        ("quarantine fills", "A collector sends something else. See what, mend it there, and requeue."),
        (
            "unknown_market in quarantine",
            "Import the market: its messages of the last 12 hours are stored by themselves."
        ),
        ("rows are parked", "The broker does not take them for what is in them. See why; then retry, or discard."),
        ("conflicts rise", "Replicas of a collector disagree about an interval."),
        ("verify finds a promise broken", "Keep the database as it is, and report what it names."),
    ]
}
