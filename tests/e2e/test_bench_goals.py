"""What the bench says of a cell follows from its numbers: who is compared with whom, and which goals are missed."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

import goals  # noqa: E402
import report  # noqa: E402

MiB = 1 << 20


def measured(tool, wall, cpu, peak_mib=20, idle_mib=12, **more):
    return {"case": "cold", "latency_ms": 0, "tool": tool, "wall_seconds": wall, "cpu_seconds": cpu,
            "peak_bytes": peak_mib * MiB, "idle_bytes": idle_mib * MiB, "verifies": tool != "oras", "tls": False,
            "cpu_goal": 0.85, "extrapolated": False, "requests": None, "critical_path": None, "runs": 7, "failed": 0,
            **more}


class Goals(unittest.TestCase):
    def judged(self, *results):
        return {each["tool"]: each for each in goals.judge(list(results))}

    def test_wall_is_compared_with_the_best_of_all_and_cpu_with_the_best_that_verifies(self):
        found = self.judged(measured("sluice", 2, 2), measured("skopeo", 4, 8), measured("crane", 3, 4),
                            measured("oras", 1, 1))
        self.assertEqual((found["sluice"]["ratio_wall"], found["sluice"]["ratio_cpu"]), (2, 0.5))

    def test_an_earlier_build_of_ours_is_no_peer(self):
        found = self.judged(measured("sluice", 2, 2), measured("baseline", 1, 1), measured("crane", 4, 4))
        self.assertEqual((found["sluice"]["ratio_wall"], found["sluice"]["ratio_cpu"]), (0.5, 0.5))
        self.assertEqual(found["baseline"]["missed"], [])

    def test_each_goal_that_is_missed_is_named(self):
        found = self.judged(measured("sluice", 1.04, 0.9, peak_mib=19), measured("crane", 1, 1))
        self.assertEqual([words.split()[0] for words in found["sluice"]["missed"]], ["wall", "cpu", "memory"])

    def test_what_is_just_met_is_not_missed(self):
        found = self.judged(measured("sluice", 1.03, 0.85, peak_mib=18), measured("crane", 1, 1))
        self.assertEqual(found["sluice"]["missed"], [])

    def test_tls_may_keep_more_memory(self):
        found = self.judged(measured("sluice", 1, 0.7, peak_mib=22, tls=True, cpu_goal=0.7), measured("crane", 1, 1))
        self.assertEqual(found["sluice"]["missed"], [])
        found = self.judged(measured("sluice", 1, 0.7, peak_mib=23, tls=True, cpu_goal=0.7), measured("crane", 1, 1))
        self.assertEqual(len(found["sluice"]["missed"]), 1)

    def test_a_missed_goal_stands_in_both_tables(self):
        results = [measured("sluice", 2, 0.5, peak_mib=14), measured("crane", 1, 1), measured("oras", 1.5, 0.1)]
        self.assertIn("MISSED: wall 2.00 > 1.03", report.table(results))
        self.assertIn("oras (unhashed)", report.table(results))
        self.assertIn("| cold, 0 ms | **2.00** (missed) | crane | 0.50, goal 0.85 | crane | 2.0 |",
                      report.goals_table(results))

    def test_small_images_are_compared_with_the_fastest_peer(self):
        results = [measured(tool, wall, 1, case="small200", latency_ms=20, cpu_goal=None)
                   for tool, wall in (("sluice", 5), ("skopeo", 200), ("crane", 90), ("oras", 100))]
        self.assertEqual(goals.small_factors(results), [(20, "crane", 18, 20)])
        self.assertIn("18.0 times as fast as a loop of crane (goal: 20, missed)",
                      report.goals_table(goals.judge(results)))


if __name__ == "__main__":
    unittest.main()
