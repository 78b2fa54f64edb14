/// Why a message can't be a record: what `quarantine.reason` and `quarantine.detail` say.
public struct Refusal: Error, Equatable, Sendable {
    /// The stable, documented list of reason codes.
    public enum Reason: String, Sendable, CaseIterable {
        /// The body is not one JSON object: syntax, encoding, or bytes after its end.
        case notJSON = "not_json"
        /// A field that every record of the kind has is not there, or an array is too short to hold it.
        case missingField = "missing_field"
        /// A field holds another JSON type than the contract says.
        case wrongType = "wrong_type"
        /// The type is right, the value can't be: an interval that ends before it starts, a number no column takes.
        case outOfRange = "out_of_range"
        /// A field stands in an object twice: which one is meant is anybody's guess.
        case duplicateField = "duplicate_field"
        /// Arrays or objects nest deeper than ``JSONScanner/maximumDepth``.
        case tooDeep = "too_deep"
        /// The body is larger than the writer's limit.
        case tooLarge = "too_large"
        /// No market has this id (yet).
        case unknownMarket = "unknown_market"
        /// The database refused this row and no other of its batch.
        case refusedByDatabase = "refused_by_database"
    }

    public let reason: Reason
    /// Where in the message, as in `payload.charts[3][2]`; empty for the message as a whole.
    private(set) var path = ""
    /// What was expected and what was found.
    let problem: String

    /// Names the field, what was expected and what was found. Bounded; may quote a few characters of the message, so
    /// it belongs into the quarantine table and never into a log.
    public var detail: String { path.isEmpty ? problem : "\(path): \(problem)" }

    public init(_ reason: Reason, _ problem: String) {
        self.reason = reason
        self.problem = problem
    }

    /// The same refusal, told from the object or array that holds the place.
    func inside(_ parent: String) -> Refusal {
        var refusal = self
        refusal.path = path.isEmpty || path.hasPrefix("[") ? parent + path : "\(parent).\(path)"
        return refusal
    }
}
