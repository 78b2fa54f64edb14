/// The trace that a message belongs to, as its `traceparent` (W3C Trace Context) says.
public struct TraceContext: Sendable, Equatable {
    /// The trace id: its first and its last eight bytes.
    public let trace: (high: UInt64, low: UInt64)
    /// The id of the span that the message came from.
    public let span: UInt64
    /// Whether the sender keeps this trace.
    public let isSampled: Bool

    /// Reads `00-<32 digits>-<16 digits>-<2 digits>`. Allocates nothing.
    /// - Parameter header: the header's bytes.
    /// - Returns: nil for what is no `traceparent`, or names no trace.
    public init?(traceparent header: Span<UInt8>) {
        let isOfVersion0 = header.count == 55 && header[0] == UInt8(ascii: "0") && header[1] == UInt8(ascii: "0")
        let dash = UInt8(ascii: "-")
        guard isOfVersion0, header[2] == dash, header[35] == dash, header[52] == dash,
            let high = Self.number(header.extracting(3..<19)), let low = Self.number(header.extracting(19..<35)),
            let span = Self.number(header.extracting(36..<52)), let flags = Self.number(header.extracting(53..<55)),
            high | low != 0, span != 0
        else { return nil }
        trace = (high, low)
        self.span = span
        isSampled = flags & 1 == 1
    }

    /// As ``init(traceparent:)-(Span<UInt8>)``, of a header's text.
    public init?(traceparent header: String) { self.init(traceparent: header.utf8Span.span) }

    public static func == (one: Self, other: Self) -> Bool {
        one.trace == other.trace && one.span == other.span && one.isSampled == other.isSampled
    }

    /// 32 digits.
    public var traceID: String { Self.text(trace.high) + Self.text(trace.low) }
    /// 16 digits.
    public var spanID: String { Self.text(span) }

    /// Lower-case digits only, as the standard has it.
    private static func number(_ digits: Span<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for index in digits.indices {
            let value: UInt8
            switch digits[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digits[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digits[index] - UInt8(ascii: "a") + 10
            default: return nil
            }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    private static func text(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
