package repair

import "testing"

// Rule 8: a rebuild starts with an epoch that says so, decided after its partitions have
// stopped to serve, and ends with one; whatever happens in between, a restart goes on.
func TestTheEpochsOfARebuild(t *testing.T) {
	plan := Plan{7, 4}
	for name, c := range map[string]struct {
		s    Situation
		move Move
		plan Plan
	}{
		"all is well":                                  {Situation{Epoch: 4}, Rest, Plan{}},
		"a partition is quarantined":                   {Situation{Quarantined: true, Epoch: 4}, Save, Plan{9, 4}},
		"so is one of a node that may not vote":        {Situation{Quarantined: true, Epoch: 4, Distrust: 8}, Save, Plan{8, 4}},
		"it is planned":                                {Situation{Quarantined: true, Epoch: 4, Plan: plan}, Begin, plan},
		"an older rebuild is named":                    {Situation{Quarantined: true, Epoch: 5, Plan: plan, Named: Plan{6, 5}}, Begin, plan},
		"it is named by an epoch from before":          {Situation{Quarantined: true, Epoch: 4, Plan: plan, Named: Plan{7, 4}}, Begin, plan},
		"its epoch is there":                           {Situation{Quarantined: true, Epoch: 6, Plan: plan, Named: Plan{7, 5}}, Go, Plan{7, 5}},
		"another partition was quarantined since":      {Situation{Quarantined: true, Epoch: 6, Named: Plan{7, 5}}, Save, Plan{9, 6}},
		"it has found out since that it may not vote":  {Situation{Quarantined: true, Epoch: 6, Plan: plan, Named: Plan{7, 5}, Distrust: 8}, Save, Plan{8, 6}},
		"all are rebuilt":                              {Situation{Epoch: 6, Plan: plan, Named: Plan{7, 5}}, End, Plan{7, 5}},
		"all are rebuilt, and it may vote then":        {Situation{Epoch: 6, Plan: plan, Named: Plan{7, 5}, Distrust: 7}, End, Plan{7, 5}},
		"the epoch that ends it is there":              {Situation{Epoch: 7, Plan: plan}, Save, Plan{}},
		"it may not vote, and has nothing to rebuild":  {Situation{Epoch: 4, Distrust: 8}, Save, Plan{8, 4}},
		"that is planned":                              {Situation{Epoch: 4, Distrust: 8, Plan: Plan{8, 4}}, Begin, Plan{8, 4}},
		"a rebuild is named that nobody knows of here": {Situation{Epoch: 6, Named: Plan{3, 2}}, End, Plan{3, 2}},
	} {
		if move, plan := c.s.Next(9); move != c.move || plan != c.plan {
			t.Errorf("%s: %v %v, want %v %v", name, move, plan, c.move, c.plan)
		}
	}
}
