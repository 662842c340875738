import sluice.Job
import sluice.Text

Map call(Map arguments = [:]) {
    return new Job(this, Text.checked('sluiceStatus', arguments, [])).status()
}
