/* Several rows of a market on their way, and going back when the broker refuses one, as a model for SPIN: see README.md here; run
 * by scripts/model.
 *
 * The rows are there from the start, ids are bits, sets of them are masks, as in candlepost.pml; markets have them in turn. Who
 * takes announcements takes one if it follows the last that it took of that market, or begins a chain above it.
 */

#ifndef ROWS
#define ROWS 4
#endif
#ifndef N
#define N 2             /* rows of a market that may be on their way */
#endif
#ifndef FAULTS
#define FAULTS 2        /* refusals, crashes and lost lanes together, anywhere */
#endif
#ifndef MARKETS
#define MARKETS 2
#endif
#ifndef CALM
#define CALM 1          /* confirms without a refusal after which N of a market are on their way again */
#endif

#define SET         byte
#define LOWEST(s)   ((s) & -(s))
#define BELOW(b)    ((b) - 1)
#define UPTO(b)     (((b) << 1) - 1)
#define HIGHEST(s)  ((s) & 32 -> 32 : ((s) & 16 -> 16 : ((s) & 8 -> 8 : ((s) & 4 -> 4 : ((s) & 2 -> 2 : (s) & 1)))))
#define COUNT(s)    (((s) & 1) + ((s) >> 1 & 1) + ((s) >> 2 & 1) + ((s) >> 3 & 1) + ((s) >> 4 & 1) + ((s) >> 5 & 1))
#define NUMBER(b)   COUNT(UPTO(b))
#define ALL         ((1 << ROWS) - 1)
#if MARKETS == 1
#define IN(m)       ((m) == 0 -> ALL : 0)
#define MARKET(b)   0
#else
#define IN(m)       (ALL & ((m) == 0 -> 21 : 42))
#define MARKET(b)   (((b) & 42) != 0)
#endif
#define NOBODY      2

/* What is promised. Never true: names in assertions, so that SPIN says which promise was broken. */
hidden byte FOLLOWED, AUDIT, WINDOW, REPEATS, NEWEST, STALL;

SET taken;              /* rows that the consumer took */
SET last[2];            /* of each market, the last one; 0 for none */
SET queue;              /* rows that have arrived */
SET latest[2];          /* of each market, what arrived last */
SET ledger;             /* all ids up to its end */
byte owner = NOBODY;    /* whose session holds the lane */
byte faults;
bool mayRepeat[2];      /* of each market: a refusal, or a session that ended, may have its rows repeated */
bool cut;               /* a session has ended, or lost its lane */

SET base[2];            /* where a relay began: chains begin behind it */
SET inFlight[2];        /* published, and not known what became of it */
SET acks[2];            /* of these, those that have arrived: their confirms are under way */
SET nacks[2];           /* and those that were refused */
SET late[2];            /* published on a connection that is gone, and still to arrive */
SET lateBase[2];
#define onTheWire(r)    (inFlight[r] & ~acks[r] & ~nacks[r])

/* The announcement before, as it is told. */
#ifdef BUG_OTHER_CHAIN
#define previous(b, from)   HIGHEST(ALL & BELOW(b) & ~(from))
#else
#ifdef BUG_CHAIN_ALWAYS     /* also the first behind the ledger names one */
#define previous(b, from)   HIGHEST(IN(MARKET(b)) & BELOW(b))
#else
#define previous(b, from)   HIGHEST(IN(MARKET(b)) & BELOW(b) & ~(from))
#endif
#endif

#ifdef BY_ID                /* a consumer that drops what is not above the last one */
#define FOLLOWS(b, from)    ((b) > last[MARKET(b)])
#else
#define FOLLOWS(b, from) \
    (previous(b, from) -> previous(b, from) == last[MARKET(b)] : (b) > last[MARKET(b)])
#endif

inline arrive(b, from) {
    if
    :: b & queue -> printf("row %d arrives again\n", NUMBER(b)); assert(REPEATS || mayRepeat[MARKET(b)])
    :: else -> printf("row %d arrives\n", NUMBER(b))
    fi;
    queue = queue | b;
    latest[MARKET(b)] = b;
    if
    :: FOLLOWS(b, from) ->
        assert(FOLLOWED || (IN(MARKET(b)) & UPTO(b) & ~taken) == b);    /* neither again, nor past one */
        printf("row %d is taken\n", NUMBER(b));
        taken = taken | b; last[MARKET(b)] = b
    :: else
    fi
}

#define FAULT   faults < FAULTS -> faults++
#define next(r, m)  LOWEST(onTheWire(r) & IN(m))

/* Rows of one market arrive in order; between markets any order will do. A refused row may have been taken. */
#define TAKE(r, m) \
    :: d_step { next(r, m) -> b = next(r, m); arrive(b, base[r]); acks[r] = acks[r] | b; b = 0 } \
    :: d_step { next(r, m) && FAULT; b = next(r, m); refuse(r); b = 0 } \
    :: d_step { next(r, m) && FAULT; b = next(r, m); arrive(b, base[r]); refuse(r); b = 0 } \
    :: d_step { late[r] & IN(m) -> b = LOWEST(late[r] & IN(m)); late[r] = late[r] & ~b; arrive(b, lateBase[r]); b = 0 }

inline refuse(r) {
    printf("row %d is refused\n", NUMBER(b));
    nacks[r] = nacks[r] | b; mayRepeat[MARKET(b)] = true
}

active proctype Broker()
{
    SET b;
end:
    do
    TAKE(0, 0)
    TAKE(1, 0)
#if MARKETS == 2
    TAKE(0, 1)
    TAKE(1, 1)
#endif
    od
}

inline forget() {           /* what is on the wire is lost, or still arrives */
    if
    :: late[r] = 0
    :: late[r] = onTheWire(r); lateBase[r] = base[r]
    fi;
    inFlight[r] = 0; acks[r] = 0; nacks[r] = 0; confirmed = 0; base[r] = 0; back[0] = 0; back[1] = 0; calm = 0; limit = N;
    if
    :: owner == r -> owner = NOBODY
    :: else
    fi
}

inline end() {
    cut = true; mayRepeat[0] = true; mayRepeat[1] = true
}

/* Of a market the first row that did not leave, or is to leave again. */
#define first(m)    LOWEST(IN(m) & ~base[r] & ~inFlight[r] & ~confirmed)
#define onItsWay(m) COUNT(inFlight[r] & IN(m))
#define SEND(m) \
    :: d_step { first(m) && !back[m] && onItsWay(m) < limit -> \
        assert(WINDOW || onItsWay(m) < (hasRefused && calm < CALM -> 1 : N)); \
        printf("relay %d publishes row %d\n", r, NUMBER(first(m))); inFlight[r] = inFlight[r] | first(m) }

/* Once nothing of the market is on its way, all from the refused row on is to leave again. */
#ifdef BUG_FORGETS_TO_GO_BACK
#define again(m)    back[m]
#else
#ifdef BUG_ALL_SERIES
#define again(m)    (~BELOW(back[m]))
#else
#define again(m)    (IN(m) & ~BELOW(back[m]))
#endif
#endif
#define GO_BACK(m) \
    :: d_step { back[m] && onItsWay(m) == 0 -> printf("relay %d goes back to row %d\n", r, NUMBER(back[m])); \
        goingBack(again(m)); back[m] = 0 }

#ifdef BUG_LEDGER_EARLY     /* what was confirmed once stays confirmed for the ledger */
#define goingBack(rows)     doubtful = doubtful | (confirmed & (rows)); confirmed = confirmed & ~(rows)
#define done                (confirmed | doubtful)
#else
#define goingBack(rows)     confirmed = confirmed & ~(rows)
#define done                confirmed
#endif

proctype Relay(byte r)
{
    SET confirmed, doubtful;
    SET back[2];            /* of each market: the refused row to go back to */
    SET b;
    byte limit = N;
    byte calm;              /* confirms since the last refusal */
    bool hasRefused;

end_down:
    atomic {
        owner == NOBODY -> owner = r; base[r] = ledger; doubtful = 0; hasRefused = false;
        printf("relay %d has the lane\n", r) };

end_working:
    do
    SEND(0)
    SEND(1)
    GO_BACK(0)
    GO_BACK(1)

    /* learn what became of one, in any order */
    :: atomic {
        acks[r] -> b = LOWEST(acks[r]);
        do
        :: acks[r] & ~UPTO(b) -> b = LOWEST(acks[r] & ~UPTO(b))
        :: break
        od;
        printf("relay %d learns that row %d was taken\n", r, NUMBER(b));
        acks[r] = acks[r] & ~b; inFlight[r] = inFlight[r] & ~b; confirmed = confirmed | b; b = 0;
        if
        :: calm < CALM -> calm++
        :: else
        fi;
        if
        :: calm >= CALM -> limit = N
        :: else
        fi }
    :: d_step {
        nacks[r] -> b = LOWEST(nacks[r]);
        printf("relay %d learns that row %d was refused\n", r, NUMBER(b));
        nacks[r] = nacks[r] & ~b; inFlight[r] = inFlight[r] & ~b;
        if
        :: back[MARKET(b)] == 0 || b < back[MARKET(b)] -> back[MARKET(b)] = b
        :: else
        fi;
#ifndef BUG_WINDOW_NOT_REDUCED
        limit = 1;
#endif
        hasRefused = true; calm = 0; b = 0 }

    /* record the gapless prefix */
    :: d_step {
        owner == r && (LOWEST(ALL & ~ledger) & done) ->
        b = LOWEST(ALL & ~ledger);
        printf("relay %d records row %d\n", r, NUMBER(b));
        assert(AUDIT || (b & taken));
        ledger = UPTO(b); b = 0 }
    :: atomic { owner != r -> forget(); goto end_down }     /* who has lost the lane notices it at some time */

    /* killed; and the session lost that holds the lane, while the relay goes on */
    :: atomic { FAULT; printf("relay %d is killed\n", r); end(); forget(); goto end_down }
    :: d_step { owner == r && FAULT; printf("relay %d loses the lane\n", r); end(); owner = NOBODY }
    od
}

active proctype Finish()
{
    timeout ->
        assert(STALL || ledger == ALL);
        assert(NEWEST || cut || (latest[0] == HIGHEST(IN(0)) && latest[1] == HIGHEST(IN(1))))
}

init { atomic { run Relay(0); run Relay(1) } }
