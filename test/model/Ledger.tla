-------------------------------- MODULE Ledger --------------------------------
(* The operator's half of a lease, without I/O: accounting/ledger*.ts.          *)
(* A ledger is a cap and one row of cumulative figures for each holder.         *)
EXTENDS Integers, FiniteSets

CONSTANT Broken   \* Names of rules that are switched off, to see that they are needed.

Rule(name) == name \notin Broken

Max(a, b) == IF a > b THEN a ELSE b
Min(a, b) == IF a < b THEN a ELSE b
AtLeast0(a) == Max(a, 0)

RECURSIVE Sum(_, _)
(* Of f[x] for all x in S. *)
Sum(f, S) == IF S = {} THEN 0
             ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + Sum(f, S \ {x})

--------------------------------------------------------------------------------
(* Rows *)

(* `state`: none, open (its holder reports), expired (silent, the rest is held) *)
(* or released (evidence decided). `pid`: the process that may spend; `older`:  *)
(* those that may no longer. `wholeSince`: the oldest incarnation whose journal *)
(* all later ones went on from. `token`: whether a SAP token given to this pod  *)
(* may still be valid.                                                          *)
NoRow == [state |-> "none", pid |-> 0, older |-> {}, inc |-> 0, wholeSince |-> 0,
          seq |-> 0, granted |-> 0, spent |-> 0, overrun |-> 0, unknown |-> 0,
          lost |-> 0, returned |-> 0, released |-> 0, token |-> FALSE]

(* Used and given back, of what was granted. *)
Explained(r) == r.spent - r.overrun + r.unknown + r.lost + r.returned + r.released
Unused(r) == AtLeast0(r.granted - Explained(r))

Settled(r) == r.spent
Outstanding(r) == IF r.state = "open" THEN Unused(r) ELSE 0
Held(r) == r.unknown + r.lost +
           IF (r.state = "expired" /\ Rule("expired_is_held")) \/ r.state = "released"
           THEN Unused(r) ELSE 0
(* What a row takes from the cap. *)
Taken(r) == Settled(r) + Outstanding(r) + Held(r)

TakenBy(rows) == Sum([h \in DOMAIN rows |-> Taken(rows[h])], DOMAIN rows)
Available(cap, rows) == cap - TakenBy(rows)

--------------------------------------------------------------------------------
(* Booking cumulative figures f: spending whatever it is, returns only while    *)
(* the row is the holder's, and nothing is ever credited twice.                 *)

BookExcess(r, declared) ==
  LET over == [r EXCEPT !.overrun = Max(r.overrun, declared)]
      beyond == Explained(over) - over.granted
      revoked == AtLeast0(Min(over.released, beyond))
  IN [over EXCEPT !.released = @ - revoked, !.overrun = @ + AtLeast0(beyond - revoked)]

Clamped(r, f) == IF Rule("overrun_is_booked") THEN f
                 ELSE [f EXCEPT !.spent = Min(@, r.granted), !.overrun = 0]

Book(r, figures, credit) ==
  LET f == Clamped(r, figures)
      spent == Max(r.spent, f.spent)
      booked == BookExcess([r EXCEPT !.spent = spent,
                                     !.unknown = AtLeast0(f.spent + f.unknown - spent)],
                           Min(f.overrun, f.spent))
      back == IF credit THEN Min(AtLeast0(f.returned - r.returned), Unused(booked)) ELSE 0
  IN [booked EXCEPT !.returned = @ + back]

Backwards(r, f) == f.spent < r.spent \/ f.returned < r.returned

--------------------------------------------------------------------------------
(* open: what a process begins with. `resume` has the figures of its journal;   *)
(* `resume.inc` is 0 if there is none. `older`: processes that have begun by it *)
(* and were not answered.                                                       *)

MayResume(r, j) ==
  /\ j.inc > 0
  /\ r.state # "released"
  /\ j.inc <= r.inc
  /\ j.inc >= r.wholeSince \/ ~Rule("journal_from_before_a_loss_is_not_resumed")
  /\ j.seq >= r.seq \/ ~Rule("journal_behind_reports_is_not_resumed")
  /\ ~Backwards(r, j)

(* Nobody knows what the last process spent of it: held until evidence decides. *)
LoseRest(r) == IF Rule("rest_of_lost_journal_is_held")
               THEN [r EXCEPT !.lost = @ + Unused(r) + r.unknown, !.unknown = 0]
               ELSE [r EXCEPT !.returned = @ + Unused(r)]

Opened(r, m) ==
  LET j == m.resume
      resumed == MayResume(r, j)
      reclaimed == [r EXCEPT !.state = IF @ = "expired" THEN "open" ELSE @]
      isNews == j.inc > 0 /\ j.inc >= r.wholeSince /\ j.seq >= r.seq
      booked == IF isNews \/ resumed
                THEN Book(reclaimed, j, resumed) ELSE reclaimed
      rest == IF resumed THEN booked ELSE LoseRest(booked)
  IN [rest EXCEPT !.state = "open", !.pid = m.pid, !.inc = @ + 1,
                  !.older = @ \cup ({r.pid} \ {0})
                              \cup IF Rule("an_open_names_those_before_it") THEN m.older ELSE {},
                  !.wholeSince = IF resumed THEN @ ELSE r.inc + 1,
                  !.seq = IF j.inc > 0 THEN Max(@, j.seq) ELSE @]

--------------------------------------------------------------------------------
(* report: its figures are booked, then more may be granted. *)

Reported(r, m) ==
  IF r.state = "released"
  THEN IF Rule("late_reports_are_booked")
       THEN [Book(r, m, FALSE) EXCEPT !.seq = m.seq]
       ELSE [r EXCEPT !.seq = m.seq]
  ELSE [Book([r EXCEPT !.state = "open"], m, TRUE) EXCEPT !.seq = m.seq]

(* Whether a report is news; all others change nothing. *)
IsNews(r, m) ==
  /\ r.state # "none"
  /\ m.inc = r.inc
  /\ m.seq = r.seq + 1 \/ (m.seq <= r.seq /\ ~Rule("repeats_change_nothing"))
  /\ r.state = "released" \/ ~Backwards(r, m)

(* Whether a message that is no news is answered with the row as it is; others  *)
(* are refused.                                                                 *)
IsRepeat(r, m) ==
  IF m.kind = "open" THEN r.pid = m.pid
  ELSE r.state \notin {"none", "released"} /\ m.inc = r.inc /\ m.seq <= r.seq
===============================================================================
