import ProgramRuntime
import Testing

@Suite struct ReadinessTests {
    private let start = ContinuousClock.now
    private let readiness = Readiness()

    init() {
        readiness.declare(.postgres, .rabbitmq, at: start)
    }

    @Test func whatWasNotSetIsStarting() {
        #expect(!readiness.snapshot.isReady)
        #expect(
            readiness.snapshot.missing(at: start + .seconds(3)) == [
                "postgres: starting, retrying for 3 s", "rabbitmq: starting, retrying for 3 s",
            ])
    }

    @Test func readyWhenAllAreThere() {
        readiness.set(.postgres, .ready)
        #expect(!readiness.snapshot.isReady)
        readiness.set(.rabbitmq, .ready)
        #expect(readiness.snapshot.isReady)
        #expect(readiness.snapshot.missing(at: start).isEmpty)
    }

    @Test func anotherReasonKeepsTheTime() {
        readiness.set(.rabbitmq, .ready)
        let changes = [
            readiness.set(.postgres, .ready, at: start + .seconds(1)),
            readiness.set(.postgres, .notReady("connection refused"), at: start + .seconds(10)),
            readiness.set(.postgres, .notReady("starting\nup"), at: start + .seconds(15)),
        ]
        #expect(changes == [true, true, false])
        #expect(
            readiness.snapshot.missing(at: start + .seconds(22)) == ["postgres: starting\\u{a}up, retrying for 12 s"])
    }

    @Test func whatIsAwayFromTheStartIsSaidAtOnceAndThenAfterGrowingPauses() {
        let said = (0...200).filter {
            readiness.set(.postgres, .notReady("connection refused"), at: start + .seconds($0))
        }
        #expect(said == [0, 10, 30, 70, 150])
        #expect(readiness.set(.postgres, .ready, at: start + .seconds(201)), "that it is back")
        #expect(!readiness.set(.postgres, .ready, at: start + .seconds(202)))
        #expect(readiness.set(.postgres, .notReady("again"), at: start + .seconds(203)))
        #expect(!readiness.set(.postgres, .notReady("again"), at: start + .seconds(212)))
        #expect(readiness.set(.postgres, .notReady("again"), at: start + .seconds(213)))
    }

    @Test func theLongestPauseIsTenMinutes() {
        let said = stride(from: 0, through: 7200, by: 10).filter {
            readiness.set(.postgres, .notReady("away"), at: start + .seconds($0))
        }
        #expect(zip(said, said.dropFirst()).map { $1 - $0 }.max() == 600)
    }

    @Test func drainingIsNotReady() {
        readiness.set(.postgres, .ready)
        readiness.set(.rabbitmq, .ready)
        readiness.startDraining()
        #expect(!readiness.snapshot.isReady)
        #expect(readiness.snapshot.missing(at: start) == ["draining"])
    }
}
