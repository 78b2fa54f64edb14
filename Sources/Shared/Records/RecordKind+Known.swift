import Synchronization

extension RecordKind {
    /// All kinds that this process knows, in the order in which their rows are inserted, the same in every writer, against
    /// deadlocks: the five of the program first, then those of the database in the order in which they were applied.
    ///
    /// It only grows: an index stays a kind's. What works on a batch reads it once and keeps what it got.
    public static var all: [RecordKind] { known.withLock { $0 } }

    /// The kind with this name.
    public static func named(_ name: String) -> RecordKind? { all.first { $0.name == name } }

    /// Takes in kinds that the database has, in its order: new ones, and later definitions of those that are there.
    public static func learn(_ kinds: [RecordKind]) {
        known.withLock { known in
            for kind in kinds {
                if let place = known.firstIndex(where: { $0.name == kind.name }) {
                    known[place] = kind
                } else {
                    known.append(kind)
                }
            }
        }
    }

    private static let known = Mutex(builtIn)
}

// MARK: the five of the program

extension RecordKind {
    /// The kinds that need not be applied: their files are part of the program, their tables of the migrations.
    public static let builtIn: [RecordKind] = [candleStick, orderBook, ticker, trade, exchangeRate]

    public static let candleStick = ofProgram(PackageResources.candle_stick_json)
    public static let orderBook = ofProgram(PackageResources.order_book_json)
    public static let ticker = ofProgram(PackageResources.ticker_json)
    public static let trade = ofProgram(PackageResources.trade_json)
    public static let exchangeRate = ofProgram(PackageResources.exchange_rate_json)

    private static func ofProgram(_ file: [UInt8]) -> RecordKind {
        do {
            return try KindFile.parse(file)
        } catch {
            preconditionFailure("a kind of the program: \(error)")
        }
    }
}
