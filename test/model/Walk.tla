--------------------------------- MODULE Walk ----------------------------------
(* Protocol with a name for every step, so that walks through it can be done    *)
(* with the real code (replay.ts).                                              *)
EXTENDS Protocol

VARIABLE step

Is(name, args) == step' = <<name>> \o args

(* Most walks would end in faults before anything is granted. It names a        *)
(* variable, or it would be decided once for all steps.                         *)
Rarely(n) == RandomElement({x \in 1..n : cap >= 0}) = 1

(* A message, and how much was granted by it.                                   *)
HandleStep(m) ==
  /\ Handle(m)
  /\ Is("handle", <<m, rows'[m.h].granted - rows[m.h].granted>>)

ProcessStep(h, p) ==
  \/ Reserve(h, p) /\ Is("reserve", <<h, p>>)
  \/ Cancel(h, p) /\ Is("cancel", <<h, p>>)
  \/ \E c \in RequestCosts : Send(h, p, c) /\ Is("send", <<h, p, c>>)
  \/ \E c \in Costs : Settle(h, p, c) /\ Is("settle", <<h, p, c>>)
  \/ \E c \in Costs : LoseCost(h, p, c) /\ Is("unknown", <<h, p, c>>)
  \/ \E c \in Costs : Resolve(h, p, c) /\ Is("resolve", <<h, p, c>>)
  \/ \E ask \in BOOLEAN, give \in {0, Idle(procs[h][p].lease)} :
       Report(h, p, ask, give) /\ Is("report", <<h, p, give>>)
  \/ \E a \in answers : TakeAnswer(h, p, a) /\ Is("take", <<h, p, a>>)
  \/ Rarely(12) /\ Stop(h, p) /\ Is("stop", <<h, p>>)
  \/ HasFence /\ GiveToken(h, p) /\ Is("token", <<h, p>>)

JournalFault(h) ==
  \/ Rarely(2) /\ LoseJournal(h) /\ Is("loseJournal", <<h>>)
  \/ Rarely(2) /\ RestoreJournal(h) /\ Is("restoreJournal", <<h>>)
  \/ Rarely(6) /\ CopyJournal(h) /\ Is("copyJournal", <<h>>)

Silence(h) ==
  \/ Rarely(4) /\ Expire(h) /\ Is("expire", <<h>>)
  \/ Rarely(6) /\ HasFence /\ TokenEnds(h) /\ Is("tokenEnds", <<h>>)
  \/ HasFence /\ \E s \in Evidence(h) : Release(h, s) /\ Is("release", <<h, s>>)

WalkInit == Init /\ step = <<"init">>

WalkNext ==
  \/ \E m \in requests : CanMatter(m) /\ HandleStep(m)
  \/ \E h \in Holders :
       \/ Start(h) /\ Is("start", <<h>>)
       \/ \E p \in Pids(h) : ProcessStep(h, p)
       \/ JournalFault(h)
       \/ Silence(h)
  \/ Rarely(12) /\ \E c \in Caps : SetCap(c) /\ Is("setCap", <<c>>)

WalkSpec == WalkInit /\ [][WalkNext]_<<vars, step>>
===============================================================================
