import Records
import Synchronization

extension StoreStatements {
    /// The statements of a kind, made once for each of its definitions.
    static func of(_ kind: RecordKind) -> StoreStatements { made.withLock { $0.statements(of: kind) } }

    /// Whether a statement of this name inserts records.
    static func isInsert(_ name: String) -> Bool { made.withLock { $0.inserts.contains(name) } }

    /// Whether it compares them with what is stored, or revises that.
    static func isComparison(_ name: String) -> Bool { made.withLock { $0.comparisons.contains(name) } }

    private static let made = Mutex(Made(RecordKind.builtIn))

    private struct Made: Sendable {
        /// The newest of each kind, by its name, and how many there were.
        private var newest: [String: (statements: StoreStatements, count: Int)] = [:]
        /// The names of the statements, by which errors are told apart.
        private(set) var inserts: Set<String> = []
        private(set) var comparisons: Set<String> = []

        init(_ kinds: [RecordKind]) {
            for kind in kinds { _ = statements(of: kind) }
        }

        mutating func statements(of kind: RecordKind) -> StoreStatements {
            let before = newest[kind.name]
            if let before, before.statements.kind == kind { return before.statements }
            let count = (before?.count ?? 0) + 1
            let statements = StoreStatements(kind, definition: count)
            newest[kind.name] = (statements, count)
            inserts.formUnion(["insert_\(statements.suffix)", "insert_versions_\(statements.suffix)"])
            comparisons.formUnion(["compare_\(statements.suffix)", "revise_\(statements.suffix)"])
            return statements
        }
    }
}
