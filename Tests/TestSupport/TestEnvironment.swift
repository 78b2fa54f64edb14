import Glibc

/// What the tests need from outside: servers, by environment variables.
public enum TestEnvironment {
    /// A server on which databases may be created and dropped, as a URI.
    public static var databaseURL: String {
        get throws(MissingVariable) { try value(of: "TEST_DATABASE_URL") }
    }

    /// Whether `scripts/test --sanitize` runs them.
    public static var hasSanitizer: Bool { getenv("TSAN_OPTIONS") != nil }

    /// - Throws: when the variable is unset or empty.
    public static func value(of name: String) throws(MissingVariable) -> String {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else {
            throw MissingVariable(name: name)
        }
        return value
    }

    /// The tests were started without the servers they need.
    public struct MissingVariable: Error, CustomStringConvertible {
        /// The name of the variable.
        public let name: String

        public var description: String {
            "the environment variable \(name) is not set; run scripts/test, which starts the servers and sets it"
        }
    }
}
