import Testing

@testable import Service

@Suite struct ProgressBarTests {
    @Test(arguments: [
        (0.0, "[------------------------------]   0 %  "), (0.5, "[###############---------------]  50 %  "),
        (1.0, "[##############################] 100 %  "), (7.0, "[##############################] 100 %  "),
    ])
    func aBarHasItsLength(share: Double, text: String) { #expect(ProgressBar.bar(share) == text) }

    @Test func thereIsNoneWithoutAnEnd() { #expect(ProgressBar.bar(nil).isEmpty) }
}
