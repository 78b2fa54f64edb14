/// Comparing secrets.
public enum SecretText {
    /// Takes as long for a wrong token as for the right one, so that nobody finds it by the clock.
    public static func areEqual(_ expected: String, _ given: String) -> Bool {
        let (expected, given) = (Array(expected.utf8), Array(given.utf8))
        var difference = expected.count ^ given.count
        for place in given.indices {
            difference |= Int(given[place] ^ expected[place % max(1, expected.count)])
        }
        return difference == 0
    }
}
