------------------------------- MODULE Protocol --------------------------------
(* Pods that share one cap, and what can happen to them. docs/model.md says how *)
(* to read this, and where the model and the code differ.                       *)
EXTENDS Lease, Sequences, TLC

CONSTANTS
  Holders,
  Faults,       \* What may happen besides the protocol itself.
  Caps,         \* What the cap may be set to.
  FirstCap,
  GrantSizes,
  RequestCosts, \* Of Costs.
  MaxStarts,    \* Processes of each holder, one after the other.
  MaxReports,   \* Reports of each holder.
  MaxRequests,  \* Requests of each holder.
  MaxCapChanges

VARIABLES
  cap, rows,          \* The ledger as it is stored.
  memory,             \* The ledger as another replica of the operator remembers it.
  procs, journal,     \* By holder: its processes, and what its journal says.
  shelf,              \* By holder: an older copy of its journal.
  requests, answers,  \* All messages ever sent. Each may arrive never, late or many times.
  sapToken,           \* By holder: whether SAP accepts a token that it has.
  within, cost,       \* By holder: what its requests really cost, without and with what passed a reservation.
  admitted, capChanges, highCap, journalLost, wasReleased, wrongEvidence, calm

ledger == <<cap, rows>>
operator == <<cap, rows, memory>>
pods == <<procs, journal, shelf>>
channel == <<requests, answers>>
truth == <<sapToken, within, cost>>
history == <<admitted, capChanges, highCap, journalLost, wasReleased, wrongEvidence>>
vars == <<operator, pods, channel, truth, history, calm>>

Nothing == [h \in Holders |-> 0]
HasFence == "release" \in Faults

Init ==
  /\ cap = FirstCap /\ highCap = FirstCap
  /\ rows = [h \in Holders |-> NoRow]
  /\ memory = [cap |-> FirstCap, rows |-> rows]
  /\ procs = [h \in Holders |-> <<>>]
  /\ journal = [h \in Holders |-> NewLease]
  /\ shelf = [h \in Holders |-> NewLease]
  /\ requests = {} /\ answers = {}
  /\ sapToken = [h \in Holders |-> ~HasFence]
  /\ within = Nothing /\ cost = Nothing /\ admitted = Nothing
  /\ capChanges = 0
  /\ journalLost = [h \in Holders |-> FALSE]
  /\ wasReleased = [h \in Holders |-> FALSE]
  /\ wrongEvidence = FALSE
  /\ calm = FALSE

--------------------------------------------------------------------------------
(* Processes of a pod *)

Down == [up |-> FALSE, opened |-> FALSE, lease |-> NewLease]
IsUp(h, p) == procs[h][p].up
IsOpen(h, p) == procs[h][p].up /\ procs[h][p].opened
Pids(h) == DOMAIN procs[h]
SomeUp(h) == \E p \in Pids(h) : IsUp(h, p)

(* A record is in the journal before it has an effect. *)
Write(h, p, l) ==
  /\ procs' = [procs EXCEPT ![h][p].lease = l]
  /\ journal' = [journal EXCEPT ![h] = l]

Start(h) ==
  LET p == Len(procs[h]) + 1
      l == [Orphaned(journal[h]) EXCEPT !.begun = @ \cup {p}]
  IN /\ p <= IF calm THEN 2 * MaxStarts + 1 ELSE MaxStarts
     /\ ~SomeUp(h) \/ ~Rule("one_process_at_a_time")
     /\ procs' = [procs EXCEPT ![h] = Append(@, [up |-> TRUE, opened |-> FALSE, lease |-> l])]
     /\ journal' = [journal EXCEPT ![h] = l]
     /\ requests' = requests \cup
          {[kind |-> "open", h |-> h, pid |-> p, resume |-> Figures(l), older |-> l.begun \ {p}]}
     /\ UNCHANGED <<operator, shelf, answers, truth, history, calm>>

Stop(h, p) ==
  /\ IsUp(h, p)
  /\ procs' = [procs EXCEPT ![h][p] = Down]
  /\ UNCHANGED <<operator, journal, shelf, channel, truth, history, calm>>

LoseJournal(h) ==
  /\ ~SomeUp(h) /\ journal[h].inc > 0
  /\ shelf' = [shelf EXCEPT ![h] = IF @.inc = 0 /\ "old_journal" \in Faults THEN journal[h] ELSE @]
  /\ journal' = [journal EXCEPT ![h] = NewLease]
  /\ journalLost' = [journalLost EXCEPT ![h] = TRUE]
  /\ UNCHANGED <<operator, procs, channel, truth, admitted, capChanges, highCap, wasReleased, wrongEvidence, calm>>

CopyJournal(h) ==
  /\ shelf[h].inc = 0 /\ journal[h].inc > 0
  /\ shelf' = [shelf EXCEPT ![h] = journal[h]]
  /\ UNCHANGED <<operator, procs, journal, channel, truth, history, calm>>

(* The copy takes the journal's place. Its medium is memory, so nothing that    *)
(* only SAP and the journal know can be missing: it is behind what was reported *)
(* or from before a process began without it.                                   *)
RestoreJournal(h) ==
  /\ ~SomeUp(h) /\ shelf[h].inc > 0 /\ shelf[h] # journal[h]
  /\ \/ shelf[h].seq < rows[h].seq
     \/ shelf[h].inc < rows[h].wholeSince
     \/ ~Rule("journal_does_not_survive_the_node")
  /\ journal' = [journal EXCEPT ![h] = shelf[h]]
  /\ journalLost' = [journalLost EXCEPT ![h] = TRUE]
  /\ UNCHANGED <<operator, procs, shelf, channel, truth, admitted, capChanges, highCap, wasReleased, wrongEvidence, calm>>

--------------------------------------------------------------------------------
(* Requests. No clock is asked: whatever a lease's life, its holder may believe *)
(* that it still runs. Between Reserve and Send a process may sleep for long.   *)

Reserve(h, p) ==
  LET l == procs[h][p].lease IN
  /\ IsOpen(h, p) /\ Idle(l) > 0 /\ admitted[h] < MaxRequests
  /\ IF Rule("reserved_before_sent") THEN Write(h, p, [l EXCEPT !.unsent = @ + 1])
     ELSE procs' = [procs EXCEPT ![h][p].lease.unsent = @ + 1] /\ UNCHANGED journal
  /\ admitted' = [admitted EXCEPT ![h] = @ + 1]
  /\ UNCHANGED <<operator, shelf, channel, truth, capChanges, highCap, journalLost, wasReleased, wrongEvidence, calm>>

Send(h, p, c) ==
  LET l == procs[h][p].lease
      sent == [l EXCEPT !.unsent = @ - 1, !.sent = Plus(@, One(c))]
  IN /\ IsOpen(h, p) /\ l.unsent > 0 /\ sapToken[h]
     /\ IF Rule("reserved_before_sent") THEN Write(h, p, sent)
        ELSE procs' = [procs EXCEPT ![h][p].lease = sent] /\ UNCHANGED journal
     /\ within' = [within EXCEPT ![h] = @ + Min(c, 1)]
     /\ cost' = [cost EXCEPT ![h] = @ + c]
     /\ UNCHANGED <<operator, shelf, channel, sapToken, history, calm>>

(* The request never leaves. *)
Cancel(h, p) ==
  LET l == procs[h][p].lease IN
  /\ IsOpen(h, p) /\ l.unsent > 0 /\ (calm \/ ~sapToken[h])
  /\ Write(h, p, [l EXCEPT !.unsent = @ - 1])
  /\ UNCHANGED <<operator, shelf, channel, truth, history, calm>>

Settle(h, p, c) ==
  LET l == procs[h][p].lease IN
  /\ IsOpen(h, p) /\ l.sent[c] > 0
  /\ Write(h, p, Booked([l EXCEPT !.sent = Minus(@, One(c))], c))
  /\ UNCHANGED <<operator, shelf, channel, truth, history, calm>>

LoseCost(h, p, c) ==
  LET l == procs[h][p].lease IN
  /\ IsOpen(h, p) /\ l.sent[c] > 0
  /\ Write(h, p, [l EXCEPT !.sent = Minus(@, One(c)),
                           !.unk = IF Rule("unknown_is_held") THEN Plus(@, One(c)) ELSE @])
  /\ UNCHANGED <<operator, shelf, channel, truth, history, calm>>

Resolve(h, p, c) ==
  LET l == procs[h][p].lease IN
  /\ IsOpen(h, p) /\ l.unk[c] > 0
  /\ Write(h, p, Booked([l EXCEPT !.unk = Minus(@, One(c))], c))
  /\ UNCHANGED <<operator, shelf, channel, truth, history, calm>>

--------------------------------------------------------------------------------
(* Messages of a holder: one in flight. The ceiling goes down before a return   *)
(* leaves.                                                                      *)

Report(h, p, ask, give) ==
  LET l == procs[h][p].lease
      lower == [l EXCEPT !.returned = @ + give]
      sent == [IF Rule("ceiling_goes_down_first") THEN lower ELSE l EXCEPT !.seq = @ + 1, !.waiting = TRUE]
  IN /\ IsOpen(h, p) /\ ~l.waiting /\ (calm \/ l.seq < MaxReports)
     /\ Write(h, p, sent)
     /\ requests' = requests \cup
          {[kind |-> "report", h |-> h, inc |-> l.inc, seq |-> l.seq + 1, spent |-> l.spent,
            overrun |-> l.overrun, returned |-> lower.returned, unknown |-> Count(l.unk), ask |-> ask]}
     /\ UNCHANGED <<operator, shelf, answers, truth, history, calm>>

Awaits(l, a) == \/ a.inc = l.inc /\ a.seq = l.seq
                \/ ~Rule("only_the_awaited_answer_is_taken")

(* Without the rule it goes down only now. *)
Lowered(h, l) ==
  LET mine == {m \in requests : m.kind = "report" /\ m.h = h /\ m.inc = l.inc /\ m.seq = l.seq}
  IN IF Rule("ceiling_goes_down_first") THEN l
     ELSE [l EXCEPT !.returned = Max(@, (CHOOSE m \in mine : TRUE).returned)]

TakeAnswer(h, p, a) ==
  LET l == procs[h][p].lease IN
  /\ a.h = h /\ IsUp(h, p)
  /\ \/ /\ a.kind = "opened" /\ a.pid = p /\ ~procs[h][p].opened
        /\ LET opened == AdoptOpened(l, a) IN
             /\ procs' = [procs EXCEPT ![h][p] = [up |-> TRUE, opened |-> TRUE, lease |-> opened]]
             /\ journal' = [journal EXCEPT ![h] = opened]
     \/ /\ a.kind = "reported" /\ procs[h][p].opened /\ l.waiting /\ Awaits(l, a)
        /\ Write(h, p, AdoptReported(Lowered(h, l), a))
  /\ UNCHANGED <<operator, shelf, channel, truth, history, calm>>

--------------------------------------------------------------------------------
(* The operator. A message is applied to a copy; it is answered once that is    *)
(* stored. A crash in between is an answer that never arrives.                  *)

CapFor(seen) == IF Rule("cap_is_the_ledgers") THEN seen.cap ELSE FirstCap

(* All that may be granted, or nothing where nothing can be. *)
Grants(seen, rs, m) ==
  LET fits == {x \in GrantSizes : x <= Available(CapFor(seen), rs)}
  IN IF m.kind = "report" /\ m.ask /\ rs[m.h].state = "open" /\ fits # {} THEN fits ELSE {0}

(* What the rows may be after a message; empty where it is refused. *)
Outcomes(seen, m) ==
  LET r == seen.rows[m.h]
      booked(row) == [seen.rows EXCEPT ![m.h] = row]
      granted(rs, x) == [rs EXCEPT ![m.h].granted = @ + x]
  IN IF m.kind = "open" /\ m.pid # r.pid /\ m.pid \notin r.older THEN {booked(Opened(r, m))}
     ELSE IF m.kind = "report" /\ IsNews(r, m)
          THEN LET rs == booked(Reported(r, m)) IN {granted(rs, x) : x \in Grants(seen, rs, m)}
     ELSE IF IsRepeat(r, m) THEN {seen.rows} ELSE {}

Answer(r, m) ==
  IF m.kind = "open"
  THEN [kind |-> "opened", h |-> m.h, pid |-> m.pid, inc |-> r.inc, seq |-> r.seq,
        resumed |-> r.wholeSince < r.inc, granted |-> r.granted, lost |-> r.lost,
        released |-> r.released, spent |-> r.spent, overrun |-> r.overrun, returned |-> r.returned]
  ELSE [kind |-> "reported", h |-> m.h, inc |-> r.inc, seq |-> r.seq,
        granted |-> r.granted, lost |-> r.lost, released |-> r.released]

(* A row that evidence has decided is booked, and its holder told to open again. *)
Answers(r, m) == IF m.kind = "report" /\ r.state = "released" THEN {} ELSE {Answer(r, m)}

(* Whether the operator hears it: an open whose process has ended only in some.  *)
IsHeard(m) == IF m.kind = "open" /\ "late_open" \notin Faults THEN IsUp(m.h, m.pid) ELSE TRUE

Handle(m) ==
  /\ IsHeard(m)
  /\ \E rs \in Outcomes([cap |-> cap, rows |-> rows], m) :
       /\ rows' \in IF Rule("stored_before_answered") THEN {rs} ELSE {rs, rows}
       /\ answers' = answers \cup Answers(rs[m.h], m)
  /\ UNCHANGED <<cap, memory, pods, requests, truth, history, calm>>

(* Another replica. Its write is refused if the ledger has changed since it     *)
(* looked, so all it can do then is to answer what needs no write.              *)
HandleFromMemory(m) ==
  /\ \E rs \in Outcomes(memory, m) :
       /\ \/ rs = memory.rows /\ UNCHANGED <<cap, rows>>
          \/ /\ rs # memory.rows
             /\ memory = [cap |-> cap, rows |-> rows] \/ ~Rule("writes_have_a_precondition")
             /\ rows' = rs /\ cap' = memory.cap
       /\ memory' = [memory EXCEPT !.rows = rs]
       /\ answers' = answers \cup Answers(rs[m.h], m)
  /\ UNCHANGED <<pods, requests, truth, history, calm>>

LookAgain ==
  /\ memory' = [cap |-> cap, rows |-> rows]
  /\ UNCHANGED <<ledger, pods, channel, truth, history, calm>>

(* At any time, whatever the clocks say: early is harmless. *)
Expire(h) ==
  /\ rows[h].state = "open" /\ Unused(rows[h]) > 0
  /\ rows' = [rows EXCEPT ![h].state = "expired"]
  /\ UNCHANGED <<cap, memory, pods, channel, truth, history, calm>>

SetCap(c) ==
  /\ c # cap /\ capChanges < MaxCapChanges
  /\ cap' = c /\ capChanges' = capChanges + 1 /\ highCap' = Max(highCap, c)
  /\ UNCHANGED <<rows, memory, pods, channel, truth, admitted, journalLost, wasReleased, wrongEvidence, calm>>

(* A SAP token: that one may be out is in the row before it leaves. *)
GiveToken(h, p) ==
  LET r == rows[h] IN
  /\ ~sapToken[h] /\ IsOpen(h, p) /\ procs[h][p].lease.inc = r.inc
  /\ r.state # "released" \/ ~Rule("no_token_for_a_released_row")
  /\ sapToken' = [sapToken EXCEPT ![h] = TRUE]
  /\ rows' = [rows EXCEPT ![h].token = TRUE]
  /\ UNCHANGED <<cap, memory, pods, channel, within, cost, history, calm>>

TokenEnds(h) ==
  /\ sapToken[h]
  /\ sapToken' = [sapToken EXCEPT ![h] = FALSE]
  /\ rows' = [rows EXCEPT ![h].token = FALSE]
  /\ UNCHANGED <<cap, memory, pods, channel, within, cost, history, calm>>

(* Evidence: what SAP knows of this holder's requests; wrong, it misses some.   *)
Evidence(h) ==
  LET all == cost[h] - rows[h].spent
  IN IF "wrong_evidence" \in Faults THEN 0..all ELSE {all}

Release(h, s) ==
  LET r == rows[h] IN
  /\ r.state = "expired" /\ (~r.token \/ ~Rule("release_waits_for_the_fence"))
  /\ s >= 0 /\ s <= Held(r)
  /\ rows' = [rows EXCEPT ![h] = [r EXCEPT !.spent = @ + s, !.released = @ + Held(r) - s,
                                          !.lost = 0, !.unknown = 0, !.state = "released"]]
  /\ wasReleased' = [wasReleased EXCEPT ![h] = TRUE]
  /\ wrongEvidence' = (wrongEvidence \/ s < cost[h] - r.spent)
  /\ UNCHANGED <<cap, memory, pods, channel, truth, admitted, capChanges, highCap, journalLost, calm>>

--------------------------------------------------------------------------------
(* Messages that can still have an effect. Nobody waits for the others, or they *)
(* would change nothing.                                                        *)
IsAwaited(a) ==
  \E p \in Pids(a.h) :
    LET l == procs[a.h][p].lease IN
    /\ IsUp(a.h, p)
    /\ IF a.kind = "opened" THEN a.pid = p /\ ~procs[a.h][p].opened
       ELSE procs[a.h][p].opened /\ l.waiting /\ Awaits(l, a)

CanMatter(m) ==
  LET r == rows[m.h]
      ps == procs[m.h]
  IN IF m.kind = "open"
     THEN m.pid \notin r.older /\ (m.pid = r.pid => ps[m.pid].up /\ ~ps[m.pid].opened)
     ELSE \/ m.inc > r.inc
          \/ m.inc = r.inc /\ (m.seq > r.seq \/ \E p \in Pids(m.h) :
               IsOpen(m.h, p) /\ ps[p].lease.waiting /\ ps[p].lease.inc = m.inc /\ ps[p].lease.seq = m.seq)
          \/ ~Rule("repeats_change_nothing")

--------------------------------------------------------------------------------
(* What can happen *)

Traffic ==
  \E h \in Holders :
    \/ Start(h)
    \/ \E p \in Pids(h) :
         \/ Reserve(h, p) \/ Cancel(h, p)
         \/ \E c \in RequestCosts : Send(h, p, c)
         \/ \E c \in Costs : Settle(h, p, c)
         \/ \E ask \in BOOLEAN, give \in {0, Idle(procs[h][p].lease)} : Report(h, p, ask, give)
         \/ \E a \in answers : TakeAnswer(h, p, a)

Operator == \E m \in requests : CanMatter(m) /\ Handle(m)

Fault ==
  \/ \E h \in Holders :
       \/ "stop" \in Faults /\ \E p \in Pids(h) : Stop(h, p)
       \/ "lose_journal" \in Faults /\ LoseJournal(h)
       \/ "old_journal" \in Faults /\ (CopyJournal(h) \/ RestoreJournal(h))
       \/ "lose_cost" \in Faults /\ \E p \in Pids(h), c \in Costs : LoseCost(h, p, c) \/ Resolve(h, p, c)
       \/ "expire" \in Faults /\ Expire(h)
       \/ HasFence /\ (TokenEnds(h) \/ \E p \in Pids(h) : GiveToken(h, p))
       \/ HasFence /\ \E s \in Evidence(h) : Release(h, s)
  \/ "cap" \in Faults /\ \E c \in Caps : SetCap(c)
  \/ "replicas" \in Faults /\ (LookAgain \/ \E m \in requests : HandleFromMemory(m))

(* From now on nothing new goes wrong and nobody wants to spend.                *)
CalmDown ==
  /\ "calm" \in Faults /\ ~calm /\ calm' = TRUE
  /\ UNCHANGED <<operator, pods, channel, truth, history>>

(* The operator refuses what this process waits for: it has to be followed.     *)
IsRefused(h, p) ==
  LET l == procs[h][p].lease
      r == rows[h]
  IN IF procs[h][p].opened
     THEN l.waiting /\ (l.inc # r.inc \/ r.state = "released" \/ l.seq > r.seq + 1)
     ELSE p \in r.older

(* The operator does not know all that this process knows.                      *)
HasNews(h, p) ==
  LET l == procs[h][p].lease
      r == rows[h]
  IN \/ Idle(l) > 0 \/ l.spent # r.spent \/ l.returned # r.returned \/ Count(l.unk) # r.unknown
     \/ l.inc # r.inc \/ r.state # "open"

(* Every step brings something nearer to its end: all that has one is finite.   *)
CalmStep ==
  \/ Operator /\ <<rows, answers>>' # <<rows, answers>>
  \/ \E h \in Holders :
       \/ procs[h] # <<>> /\ Start(h)
       \/ \E p \in Pids(h) :
            \/ Cancel(h, p)
            \/ \E c \in Costs : Settle(h, p, c)
            \/ Reserved(procs[h][p].lease) = 0 /\ HasNews(h, p) /\ Report(h, p, FALSE, Idle(procs[h][p].lease))
            \/ \E a \in answers : TakeAnswer(h, p, a)
            \/ IsUp(h, p) /\ IsRefused(h, p) /\ Rule("who_is_refused_begins_anew")
               /\ Reserved(procs[h][p].lease) = 0 /\ Stop(h, p)

Rests(h) ==
  \/ procs[h] = <<>>
  \/ \E p \in Pids(h) :
       LET l == procs[h][p].lease IN
       IsOpen(h, p) /\ ~l.waiting /\ Reserved(l) = 0 /\ ~HasNews(h, p)

AllRest == calm /\ \A h \in Holders : Rests(h)

(* Calm, it goes on until all is at rest: a calm state from which nothing leads *)
(* on, and which is not at rest, is a deadlock, which TLC reports. This is the  *)
(* form in which P2 is checked: what nobody uses can be had back.               *)
Next == \/ ~calm /\ (Traffic \/ Operator \/ Fault \/ CalmDown)
        \/ calm /\ CalmStep
        \/ AllRest /\ UNCHANGED vars

Spec == Init /\ [][Next]_vars

Symmetric == Permutations(Holders)

(* What tells one state from another for the checker: neither messages without  *)
(* effect nor the ids of processes that are gone.                               *)
View == <<cap, [h \in Holders |-> [rows[h] EXCEPT !.older = {}]], memory, pods,
          {m \in requests : CanMatter(m)}, {a \in answers : IsAwaited(a)},
          truth, admitted, capChanges, highCap, wrongEvidence,
          IF "calm" \in Faults THEN <<calm, journalLost, wasReleased>> ELSE calm>>

--------------------------------------------------------------------------------
(* What must hold *)

(* The parts of a row add up to what was granted.                               *)
PartsAddUp == \A h \in Holders : Explained(rows[h]) + Unused(rows[h]) = rows[h].granted

(* Whether a process can send a request: it has a SAP token, or may get one.    *)
CanSend(h, p) == \/ sapToken[h]
                 \/ rows[h].state # "released" /\ procs[h][p].lease.inc = rows[h].inc

(* What a holder may still spend without another answer.                        *)
MaySpend(h) ==
  LET of(p) == Idle(procs[h][p].lease) + procs[h][p].lease.unsent
      open == {p \in Pids(h) : IsOpen(h, p) /\ CanSend(h, p)}
  IN Sum([p \in open |-> of(p)], open)

(* Each row is charged with all that its holder has spent and may still spend.  *)
RowsCover ==
  wrongEvidence \/ \A h \in Holders :
    within[h] + MaySpend(h) <= rows[h].spent - rows[h].overrun + rows[h].unknown + rows[h].lost + Unused(rows[h])

(* What requests cost within their bounds has never passed the highest cap.     *)
CapHolds == wrongEvidence \/ Sum(within, Holders) <= highCap

(* A grant is only given while everything together stays within the cap.        *)
GrantsFit ==
  [][(\E h \in Holders : rows'[h].granted > rows[h].granted) => TakenBy(rows') <= cap']_ledger

(* No report is granted to twice.                                               *)
GrantsOnce ==
  [][\A h \in Holders : rows'[h].granted > rows[h].granted => rows'[h].seq > rows[h].seq]_rows

(* No report of a process that is heard is dropped or cut.                      *)
Heard(m) == /\ m.kind = "report" /\ m.inc = rows[m.h].inc
            /\ rows[m.h].seq < m.seq /\ m.seq <= rows'[m.h].seq
ReportsBooked == [][\A m \in requests : Heard(m) => rows'[m.h].spent >= m.spent]_rows

(* When all is told, nothing is set aside but what has a cause: a cost that its *)
(* holder does not know, or a lost journal. And nothing that was spent is       *)
(* missing.                                                                     *)
BooksRight ==
  AllRest => \A h \in Holders :
    LET r == rows[h] IN
    /\ Unused(r) = 0
    /\ r.lost > 0 => journalLost[h]
    /\ r.spent + r.unknown + r.lost >= cost[h]
    /\ procs[h] = <<>> \/ journalLost[h] \/ wasReleased[h] \/ \E p \in Pids(h) :
         /\ IsOpen(h, p)
         /\ r.unknown = Count(procs[h][p].lease.unk)
         /\ r.spent = cost[h] - CostOf(procs[h][p].lease.unk)
===============================================================================
