/* Writer and relay as a model for SPIN: see README.md here; run by scripts/model.
 *
 * Messages, keys and outbox ids are bits, and sets of them are masks: the id that is drawn n-th is 1 << (n-1), and "up
 * to an id" is the mask of it and all below. Both markets are of one lane; keys belong to them in turn.
 */

#ifndef MESSAGES
#define MESSAGES 3      /* in the input queue; with REPLICA, the last one has the key of the first */
#endif
#ifndef FAULTS
#define FAULTS 2        /* of all kinds together, anywhere */
#endif
#ifndef STOPS
#define STOPS 0         /* relays that are told to stop in good order, and are started again */
#endif
#ifndef WINDOW
#define WINDOW 3        /* rows that a relay may have published and not recorded; one of them is kept for the lane */
#endif

#define SET         short
#define LOWEST(s)   ((s) & -(s))
#define BELOW(b)    ((b) - 1)
#define UPTO(b)     (((b) << 1) - 1)
#define COUNT(s)    (((s) & 1) + ((s) >> 1 & 1) + ((s) >> 2 & 1) + ((s) >> 3 & 1) + ((s) >> 4 & 1) + \
                     ((s) >> 5 & 1) + ((s) >> 6 & 1) + ((s) >> 7 & 1) + ((s) >> 8 & 1) + ((s) >> 9 & 1))
#define NUMBER(b)   COUNT(UPTO(b))
#define ALL         ((1 << MESSAGES) - 1)
#ifdef REPLICA
#define KEY(m)      ((m) == 1 << (MESSAGES - 1) -> 1 : (m))
#else
#define KEY(m)      (m)
#endif
#define MARKET(k)   (((k) & 21845) == 0)
#define NOBODY      2

/* What is promised. Never true: names in assertions, so that SPIN says which promise was broken. */
hidden byte DURABLE, ONE_ROW, ORDER, AUDIT, CHAIN, BOUND, INFLIGHT, FLAG, STALL;

/* The input queue. */
SET ready = ALL;
SET acked;

/* The database. */
SET stored;             /* keys that have a record */
SET announced;          /* keys that have an outbox row */
SET inMarket[2];        /* the log: ids of committed outbox rows by market */
#define log             (inMarket[0] | inMarket[1])
SET sequence = 1;       /* the next id */
SET keyLocks;           /* keys that an open transaction has inserted */
byte laneLock[2];       /* the writers' lock: 0 free, else writer + 1; the second is for a planted bug */
SET ledger;             /* the chain's end: all ids up to it */
SET starts;             /* the chain's primary keys: where its entries start */
byte owner = NOBODY;    /* whose session holds the relays' lock */

/* The broker's output queue, and what is between it and the relays. */
SET queue;              /* rows that have arrived at least once */
SET inFlight[2];        /* published by a relay, which does not know what became of them */
SET acks[2];            /* of these, the ones that have arrived: their confirms are under way */
SET late;               /* published on a connection that is gone, and still to arrive */
#define onTheWire(r)    (inFlight[r] & ~acks[r])
SET readUpTo[2];
#define unread(r)       (log & ~readUpTo[r])

byte faults;            /* that have happened */
short allowance;        /* duplicates that may still arrive: WINDOW for each fault that may repeat what is in a window */
byte stops;
#define FAULT           faults < FAULTS -> faults++
#define CUT             faults < FAULTS -> faults++; allowance = allowance + WINDOW

/* Writers are all alike, and relays too: where both wait for work, the first takes it. */
bool busyWriter, busyRelay;
#define busy(n, which)  if :: n == 0 -> which = true :: else fi
#define idle(n, which)  if :: n == 0 -> which = false :: else fi

#define DONE            (acked == ALL && (log & ~queue) == 0 && (log & ~ledger) == 0)

#ifdef LIVENESS         /* reading waits until it is woken */
bool woken[2];
bool tick;
#define WOKEN(r)        woken[r]
#define wake(r)         woken[r] = unread(r) != 0
#else                   /* the poll may come at any time */
#define WOKEN(r)        true
#define wake(r)         skip
#endif

#ifdef FLAGS            /* x-possibly-redelivered */
bool unclean;           /* lane_owners: claimed, and not released */
SET suspects[2];        /* rows that a relay marks */
SET lateMarked;
SET plain;              /* rows of which a copy without the mark has arrived */
inline see(b, marks) {
    if
    :: b & marks
    :: else ->
        assert(FLAG || !(b & plain));
        plain = plain | b
    fi
}
#ifdef BUG_REFUSED_UNMARKED
#define doubt(r, b)     skip
#else                   /* a broker that refuses a row may have taken it */
#define doubt(r, b)     suspects[r] = suspects[r] | b
#endif
#else
#define see(b, marks)   skip
#define doubt(r, b)     skip
#endif

/* ---------------------------------------------------------------------------------------------------- writer */

#ifdef BUG_MARKET_LOCK  /* a lock narrower than the relay's cursor */
#define LANE            laneLock[MARKET(key)]
#else
#define LANE            laneLock[0]
#endif
#ifdef BUG_NO_LANE_LOCK
#define LANE_IS_FREE    true
#define lockLane        skip
#else
#define LANE_IS_FREE    LANE == 0
#define lockLane        LANE = w + 1
#endif

#define drawID          id = sequence; sequence = sequence << 1; printf("writer %d draws id %d\n", w, NUMBER(id))

inline acknowledge() {
    if
    :: known ->
        assert(DURABLE || ((stored & key) && (announced & key)));
        acked = acked | message;
        known = false;
        printf("writer %d acknowledges message %d\n", w, NUMBER(message))
    :: else                     /* the delivery belongs to a connection that is gone */
    fi
}

inline endTransaction() {
    if
    :: new -> keyLocks = keyLocks & ~key
    :: else
    fi;
    if
    :: LANE == w + 1 -> LANE = 0
    :: else
    fi;
    new = false; id = 0
}

inline commit() {
    assert(ONE_ROW || !(announced & key));
    assert(ORDER || (inMarket[MARKET(key)] & queue & ~UPTO(id)) == 0);
    assert(AUDIT || !(id & ledger));
    printf("writer %d commits message %d as row %d of market %c\n", w, NUMBER(message), NUMBER(id), 'A' + MARKET(key));
    stored = stored | key;
    announced = announced | key;
    inMarket[MARKET(key)] = inMarket[MARKET(key)] | id;
    endTransaction()
}

inline giveBack() {
    if
    :: known -> ready = ready | message; known = false
    :: else
    fi
}

/* kill -9; the broker's connection lost while the writer goes on; the transaction rolled back and tried again. */
#define WRITER_FAULTS(here) \
    :: atomic { FAULT; printf("writer %d is killed\n", w); endTransaction(); goto crashed } \
    :: atomic { known && FAULT; printf("writer %d loses the broker\n", w); giveBack(); goto here } \
    :: atomic { FAULT; printf("writer %d is rolled back\n", w); endTransaction(); goto begin }

proctype Writer(byte w)
{
    SET message, key, id;
    bool known;                 /* the broker waits for the acknowledgement */
    bool new;

end_waiting:
    atomic {
        ready != 0 && (w == 0 || busyWriter) ->
        message = LOWEST(ready); ready = ready & ~message; key = KEY(message); known = true;
        printf("writer %d receives message %d\n", w, NUMBER(message));
        busy(w, busyWriter)
    };
#ifdef BUG_ACK_FIRST
    atomic { acknowledge() };
#endif

begin:                          /* insert the record; a transaction that has inserted the same key is waited for */
    if
    :: atomic {
        !(keyLocks & key) ->
        if
#ifndef BUG_NO_DEDUP
        :: stored & key -> printf("writer %d finds message %d stored\n", w, NUMBER(message)); goto committed
#endif
        :: else -> new = true; keyLocks = keyLocks | key
        fi }
    WRITER_FAULTS(begin)
    fi;
#ifdef BUG_TWO_TRANSACTIONS
    atomic {
        printf("writer %d commits the record of message %d\n", w, NUMBER(message));
        stored = stored | key; endTransaction() };
#endif

lock:                           /* the lane's lock, then the insert, which draws the id */
#ifdef BUG_ID_BEFORE_LOCK
    atomic { drawID };
#endif
    if
    :: atomic {
        LANE_IS_FREE -> lockLane;
#ifndef BUG_ID_BEFORE_LOCK
        drawID
#endif
        }
    WRITER_FAULTS(lock)
    fi;
#ifdef BUG_UNLOCK_BEFORE_COMMIT
    LANE = 0;
#endif

committing:
    if
    :: atomic { commit(); new = true }
    :: atomic {                 /* the answer is lost: it may have committed, so it is tried again */
        FAULT; commit(); printf("writer %d does not learn of it\n", w); goto begin }
    WRITER_FAULTS(committing)
    fi;

committed:
    if
    :: atomic { acknowledge() }
    :: atomic { FAULT; printf("writer %d is killed\n", w); goto crashed }
    :: atomic { known && FAULT; printf("writer %d loses the broker\n", w); giveBack(); goto committed }
    fi;
#ifdef LIVENESS
    if                          /* the doorbell, where a record was new */
    :: d_step { new -> printf("writer %d rings\n", w); wake(0); wake(1) }
    :: !new
    :: d_step { new && FAULT; printf("writer %d's ring is lost\n", w) }
    fi;
#endif

crashed:                        /* what was not acknowledged is delivered again */
    atomic { giveBack(); message = 0; key = 0; new = false; idle(w, busyWriter); goto end_waiting }
}

/* ---------------------------------------------------------------------------------------------------- broker */

inline arrive(b) {
    if
    :: b & queue ->
        printf("row %d arrives again\n", NUMBER(b));
#ifndef ANY_DUPLICATES
        allowance--;
        assert(BOUND || allowance >= 0)
#endif
    :: else ->
        printf("row %d arrives\n", NUMBER(b));
        /* no row of its market below it is missing, and none above it is there */
        assert(ORDER || (inMarket[(b & inMarket[1]) != 0] & BELOW(b) & ~queue) == 0);
        assert(ORDER || (inMarket[(b & inMarket[1]) != 0] & ~BELOW(b) & queue) == 0);
        queue = queue | b
    fi
}

#ifdef BUG_NACK_CONFIRMS
#define refuse(r, b)    printf("row %d is refused\n", NUMBER(b)); acks[r] = acks[r] | b
#else
#define refuse(r, b)    printf("row %d is refused\n", NUMBER(b)); inFlight[r] = inFlight[r] & ~b; doubt(r, b)
#endif

/* Rows of one market arrive in order; between markets any order will do. */
#define next(r, market) LOWEST(onTheWire(r) & inMarket[market])

#define TAKE(r, market) \
    :: d_step { next(r, market) -> b = next(r, market); arrive(b); see(b, suspects[r]); acks[r] = acks[r] | b; b = 0 } \
    :: d_step { next(r, market) && FAULT; b = next(r, market); refuse(r, b); b = 0 } \
    :: d_step { next(r, market) && CUT; b = next(r, market); arrive(b); see(b, suspects[r]); refuse(r, b); b = 0 }

proctype Broker()
{
    SET b;
end:
    do
    TAKE(0, 0)
    TAKE(0, 1)
    TAKE(1, 0)
    TAKE(1, 1)
    :: atomic {
        late != 0 ->
        b = LOWEST(late);
        do
        :: late & ~UPTO(b) -> b = LOWEST(late & ~UPTO(b))
        :: break
        od;
        arrive(b); see(b, lateMarked); late = late & ~b; b = 0 }
    od
}

/* ----------------------------------------------------------------------------------------------------- relay */

/* Of each market, the first row that is not confirmed; of all, the first such row. */
#define unconfirmed     (have & ~confirmed)
#define first(market)   LOWEST(unconfirmed & inMarket[market])
#define second(market)  LOWEST(unconfirmed & inMarket[market] & ~first(market))
#define head            LOWEST(unconfirmed)
#define unrecorded      (inFlight[r] | confirmed)

/* The first unconfirmed row of the lane may always leave, or rows behind it could fill the window and wait for it for
 * ever; but only while nothing before it waits to be recorded, or a slow ledger would let one after the other leave. */
#ifdef BUG_HEADS_UNBOUNDED
#define HEAD_MAY_LEAVE(b)   (b == head)
#else
#ifdef BUG_NO_HEADS
#define HEAD_MAY_LEAVE(b)   false
#else
#define HEAD_MAY_LEAVE(b)   (b == head && (confirmed & BELOW(b)) == 0)
#endif
#endif
#define CAN_LEAVE(b)    (b && !(b & inFlight[r]) && (COUNT(unrecorded) < WINDOW - 1 || HEAD_MAY_LEAVE(b)))

#ifdef BUG_LEDGER_FIRST
#define settled         (confirmed | inFlight[r])
#else
#define settled         confirmed
#endif
/* Confirmed without a gap from the ledger's end on. */
#define prefix          ((have & ~settled) -> (have & BELOW(LOWEST(have & ~settled))) : have)

/* A relay that is to stop publishes nothing new, only what lies before rows that have left already: else these would
 * be repeated by the next one, although nothing had failed. */
#if defined(BUG_STOP_LEAVES_GAPS)
#define MAY_SEND(b)     !draining
#define HAS_SETTLED     (!inFlight[r] && !prefix)
#elif defined(BUG_LEAVE_LEAVES_GAPS)
#define MAY_SEND(b)     !draining
#define HAS_SETTLED     !unrecorded
#else
#define MAY_SEND(b)     (!draining || ((unrecorded & ~UPTO(b))))
#define HAS_SETTLED     !unrecorded
#endif

/* The lock belongs to the session that writes the ledger: a relay that has lost the one cannot do the other. */
#if defined(BUG_NO_CLAIM)
#define MAY_CLAIM       true
#elif defined(BUG_END_BEFORE_LOCK)
#define MAY_CLAIM       owner == NOBODY
#else
#define MAY_CLAIM       (owner == NOBODY && (r == 0 || busyRelay))
#endif
#ifdef LOCK_APART       /* not so in the code: the lock can be lost while the ledger can still be written */
#define HAS_SESSION     true
#else
#define HAS_SESSION     owner == r
#endif
#ifdef BUG_NO_CHAIN_KEY
#define CONFLICT        false
#else
#define CONFLICT        (starts & (recorded + 1)) != 0
#endif

#ifdef FLAGS
inline suspect() {              /* the first rows of a lane whose owner did not stop in good order */
    suspects[r] = 0;
    do
    :: unclean && COUNT(suspects[r]) < WINDOW && (log & ~recorded & ~suspects[r]) ->
        suspects[r] = suspects[r] | LOWEST(log & ~recorded & ~suspects[r])
    :: else -> break
    od;
    unclean = true
}
#define LATE_MARK       lateMarked = (lateMarked & ~b) | (b & suspects[r])
#define unsuspect       suspects[r] = 0
#ifdef BUG_RELEASE_SUSPECTS
#define release         unclean = false
#else
#define release         unclean = (suspects[r] & ~recorded) != 0
#endif
#else
#define suspect()       skip
#define LATE_MARK       skip
#define unsuspect       skip
#define release         skip
#endif

/* The end of a session. Of what is on the wire some is lost, and some arrives although the relay is gone. */
inline forget() {
    printf("relay %d's session ends\n", r);
    do
    :: onTheWire(r) ->
        b = LOWEST(onTheWire(r));
        inFlight[r] = inFlight[r] & ~b;
        if
#ifndef ON_TIME
        :: !(b & late) -> late = late | b; LATE_MARK
#endif
        :: true -> printf("row %d is lost\n", NUMBER(b))
        fi
    :: else -> break
    od;
    inFlight[r] = 0; acks[r] = 0; readUpTo[r] = 0;
    have = 0; confirmed = 0; recorded = 0; b = 0; draining = false; unsuspect;
    if
    :: owner == r -> owner = NOBODY
    :: else
    fi;
    idle(r, busyRelay)
}

inline send() {
    printf("relay %d publishes row %d\n", r, NUMBER(b));
    inFlight[r] = inFlight[r] | b;
    assert(INFLIGHT || COUNT(unrecorded) <= WINDOW);
    b = 0
}

inline extendChain() {
    printf("relay %d records up to row %d\n", r, NUMBER(b));
    assert(CHAIN || recorded == ledger);
    assert(CHAIN || (have & UPTO(b)) == (log & UPTO(b) & ~recorded));
    assert(AUDIT || (log & UPTO(b) & ~recorded & ~queue) == 0);
    starts = starts | (recorded + 1);
    ledger = UPTO(b); recorded = UPTO(b);
    have = have & ~UPTO(b); confirmed = confirmed & ~UPTO(b); inFlight[r] = inFlight[r] & ~UPTO(b)
}

proctype Relay(byte r)
{
    SET have;               /* read and not recorded */
    SET confirmed;
    SET recorded;           /* where the chain ends, as far as this relay knows */
    SET b;
    bool draining;

end_down:
#ifdef BUG_END_BEFORE_LOCK
    atomic { recorded = ledger; readUpTo[r] = ledger; printf("relay %d reads the ledger's end\n", r) };
#endif
    atomic {                    /* pg_try_advisory_lock */
        MAY_CLAIM -> owner = r; printf("relay %d has the lane\n", r); busy(r, busyRelay) };
    if
    :: d_step {
#ifndef BUG_END_BEFORE_LOCK
        recorded = ledger; readUpTo[r] = ledger; printf("relay %d reads the ledger's end\n", r);
#endif
        suspect(); wake(r) }
    :: atomic { CUT; forget(); goto end_down }
    fi;

end_working:
    do
    /* read */
    :: d_step {
        WOKEN(r) && unread(r) && !draining ->
        b = unread(r);
        have = have | b; printf("relay %d reads %d rows\n", r, COUNT(b));
#ifdef BUG_CURSOR_AT_SEQUENCE
        readUpTo[r] = BELOW(sequence);
#else
        do
        :: b & BELOW(b) -> b = b & BELOW(b)
        :: else -> break
        od;
        readUpTo[r] = UPTO(b);
#endif
        b = 0; wake(r) }

    /* publish: of each market the first unconfirmed row */
    :: d_step { CAN_LEAVE(first(0)) && MAY_SEND(first(0)) -> b = first(0); send() }
    :: d_step { CAN_LEAVE(first(1)) && MAY_SEND(first(1)) -> b = first(1); send() }
#ifdef BUG_TWO_PER_MARKET
    :: d_step { CAN_LEAVE(second(0)) && (first(0) & inFlight[r]) && MAY_SEND(second(0)) -> b = second(0); send() }
#endif

    /* learn of confirms */
    :: d_step {
        acks[r] ->
        printf("relay %d learns of %d confirms\n", r, COUNT(acks[r]));
        confirmed = confirmed | acks[r]; inFlight[r] = inFlight[r] & ~acks[r]; acks[r] = 0 }

    /* record: a part or all of what is confirmed without a gap */
    :: atomic {
        prefix && HAS_SESSION && !(CONFLICT) ->
        b = LOWEST(prefix);
        do
        :: prefix & ~UPTO(b) -> b = LOWEST(prefix & ~UPTO(b))
        :: break
        od;
        extendChain(); b = 0 }
    :: atomic { prefix && (!(HAS_SESSION) || CONFLICT) -> forget(); goto end_down }

    /* kill -9, or the broker's connection lost, at any moment; to record before it ends is the step above */
    :: atomic { CUT; forget(); goto end_down }
#ifndef FLAGS
    /* the session that holds the lock is lost, and the relay goes on */
    :: atomic { owner == r && CUT; printf("relay %d loses the lane\n", r); owner = NOBODY }
#endif
#if STOPS > 0
    :: atomic { !draining && stops < STOPS -> stops++; printf("relay %d is told to stop\n", r); draining = true }
    :: atomic { draining && HAS_SETTLED -> release; printf("relay %d has settled\n", r); forget(); goto end_down }
#endif
    od
}

/* ----------------------------------------------------------------------------------------------------------- */

#ifdef LIVENESS
/* It never stops: SPIN's weak fairness says nothing about runs that come to an end. */
proctype Clock()
{
    do
    :: d_step {
        tick = !tick;
#ifndef BUG_NO_POLL
        wake(0); wake(1)
#endif
    }
    od
}
ltl announced_and_recorded { <> DONE }
#else
proctype Finish() { timeout -> assert(STALL || DONE) }
#endif

init {
    atomic {
        run Writer(0); run Writer(1); run Relay(0); run Relay(1); run Broker();
#ifdef LIVENESS
        run Clock()
#else
        run Finish()
#endif
    }
}
