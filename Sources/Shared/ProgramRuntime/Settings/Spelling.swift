/// Finds what was meant by a name with a typing mistake in it.
public enum Spelling {
    /// The name that differs least from the word: by two letters at most, and by fewer than half of them.
    /// - Returns: nil if none is near, or the word itself is among them.
    public static func nearest(to word: String, in names: some Sequence<String>) -> String? {
        var best: (name: String, distance: Int)?
        for name in names {
            let most = min(2, (min(word.count, name.count) - 1) / 2)
            guard abs(word.count - name.count) <= most, case let distance = distance(word, name), distance <= most,
                distance < best?.distance ?? .max
            else { continue }
            best = (name, distance)
        }
        return best.flatMap { $0.distance == 0 ? nil : $0.name }
    }

    /// `. Did you mean …?`, or a full stop.
    static func question(_ word: String, in names: some Sequence<String>) -> String {
        nearest(to: word, in: names).map { ". Did you mean \($0)?" } ?? "."
    }

    /// Letters put in, left out, replaced, or swapped with their neighbour ("optimal string alignment").
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
        var before: [Int] = []
        var above = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let isSame = left[row] == right[column]
                var least = min(above[column] + (isSame ? 0 : 1), above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, above) = (above, current)
        }
        return above[right.count]
    }
}
