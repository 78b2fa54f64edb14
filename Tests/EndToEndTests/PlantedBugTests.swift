import Foundation
import Testing

/// The bugs that scripts/planted-bugs builds the programs with, to see whether chaos finds them.
@Suite("Planted bugs") struct PlantedBugTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let patches =
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/Tests/PlantedBugs")) ?? [])
        .filter { $0.hasSuffix(".patch") }.sorted()

    @Test func areThere() { #expect(Self.patches.count >= 10) }

    @Test(arguments: patches) func stillApplies(patch: String) async throws {
        let file = "\(Self.root)/Tests/PlantedBugs/\(patch)"
        // Where this is no repository, one around it is of no interest.
        let parent = URL(filePath: Self.root).deletingLastPathComponent().path
        let git = try await Program(
            path: "/usr/bin/git", ["-C", Self.root, "apply", "--check", file],
            environment: ["GIT_CEILING_DIRECTORIES": parent])
        #expect(try await git.ended() == .status(0), "\(git.log)")
    }

    @Test(arguments: patches) func saysHowItIsFound(patch: String) throws {
        let text = try String(contentsOfFile: "\(Self.root)/Tests/PlantedBugs/\(patch)", encoding: .utf8)
        let head = text.split(separator: "\n").prefix { !$0.hasPrefix("--- ") }
        let codes = Set(Violation.Code.allCases.map(\.rawValue))
        #expect(head.count == 3 && head[0].hasPrefix("Plants: "))
        #expect(head[1].hasPrefix("Found by: V") && codes.contains(String(head[1].dropFirst(10))))
        let words = head[2].split(separator: " ").map(String.init)
        let only = try #require(words.firstIndex(of: "--only").map { words[$0 + 1] })
        #expect(only.split(separator: ",").allSatisfy { FaultKind(rawValue: String($0)) != nil })
    }
}
