/// The version of all programs, which are built and released together.
public enum Version {
    /// As in `1.2.3`: semantic versioning, of what `docs/` promises to operators and readers.
    public static let current = "1.0.0"

    /// What `--version` prints.
    public static func line(_ program: String) -> String { "\(program) \(current)" }
}
