#include "openshift/rollouts/view.hpp"

#include <algorithm>

namespace sluice::openshift {

namespace {

constexpr std::string_view kDeployerLabel = "openshift.io/deployer-pod-for.name";

std::string owner_of(const kube::Object& object) {
  const auto owner = object.controller();
  return owner ? owner->uid : std::string();
}

std::string label_of(const kube::Object& object, std::string_view key) {
  return kube::text_at(object.json(), {"metadata", "labels", key});
}

}  // namespace

RolloutView::RolloutView(const std::vector<Followed>& followed) {
  for (std::size_t i = 0; i < followed.size(); ++i) {
    const auto& before = followed[i].before;
    Key key{to_string(before.kind), before.name};
    slots_[key].followed.push_back(i);
    by_uid_.insert_or_assign(before.uid, key);
    keys_.push_back(std::move(key));
  }
}

std::vector<std::size_t> RolloutView::apply(std::string_view kind, const kube::WatchEvent& event) {
  if (kind == kube::Pod::kResource.kind) return take_pod(event);
  if (kind == kube::Event::kResource.kind) return take_warning(event);
  if (kind == kube::ReplicationController::kResource.kind || kind == kube::ReplicaSet::kResource.kind) {
    return take_controller(event);
  }
  return take_workload({std::string(kind), event.object.name()}, event);
}

std::vector<std::size_t> RolloutView::take_workload(const Key& key, const kube::WatchEvent& event) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return {};
  auto& slot = found->second;
  slot.deleted = event.change == kube::Change::deleted;
  slot.present = !slot.deleted;
  slot.object = event.object;
  return slot.followed;
}

std::vector<std::size_t> RolloutView::take_controller(const kube::WatchEvent& event) {
  const auto uid = event.object.uid();
  const auto known = controllers_.find(uid);
  const auto owner = known != controllers_.end() ? known->second.owner : owner_of(event.object);
  if (event.change == kube::Change::deleted) {
    if (known != controllers_.end()) controllers_.erase(known);
    controllers_of_[owner].erase(uid);
  } else if (by_uid_.contains(owner)) {
    controllers_.insert_or_assign(uid, Member{event.object, owner});
    controllers_of_[owner].insert(uid);
  }
  return owned_by(owner);
}

void RolloutView::forget_pod(const Uid& uid) {
  const auto known = pods_.find(uid);
  if (known == pods_.end()) return;
  pods_of_[known->second.owner].erase(uid);
  const auto deployer = deployers_.find(known->second.deploys);
  if (deployer != deployers_.end() && deployer->second == uid) deployers_.erase(deployer);
  pods_.erase(known);
}

std::vector<std::size_t> RolloutView::take_pod(const kube::WatchEvent& event) {
  const auto uid = event.object.uid();
  if (event.change == kube::Change::deleted) {
    const auto known = pods_.find(uid);
    if (known == pods_.end()) return {};
    auto touched = matters_to(known->second);
    gone_.push_back(known->second);
    if (gone_.size() > kMaxGone) gone_.pop_front();
    forget_pod(uid);
    return touched;
  }
  KnownPod pod{event.as<kube::Pod>(), owner_of(event.object), label_of(event.object, kDeployerLabel)};
  forget_pod(uid);  // it may have a new owner
  pods_of_[pod.owner].insert(uid);
  if (!pod.deploys.empty()) deployers_.insert_or_assign(pod.deploys, uid);
  auto touched = matters_to(pod);
  pods_.insert_or_assign(uid, std::move(pod));
  return touched;
}

std::vector<std::size_t> RolloutView::take_warning(const kube::WatchEvent& event) {
  if (event.change == kube::Change::deleted) return {};
  auto warning = event.as<kube::Event>();
  if (warning.type() != "Warning") return {};
  const auto uid = warning.about_uid();
  auto& about = warnings_[uid];
  // The same warning again is the same object with a higher count.
  const auto same =
      std::find_if(about.begin(), about.end(), [&](const kube::Event& other) { return other.uid() == warning.uid(); });
  if (same != about.end()) about.erase(same);
  about.push_back(std::move(warning));
  if (about.size() > kMaxWarnings) about.pop_front();
  const auto pod = pods_.find(uid);
  return pod != pods_.end() ? matters_to(pod->second) : owned_by(uid);
}

std::vector<std::size_t> RolloutView::owned_by(const Uid& uid) const {
  const auto controller = controllers_.find(uid);
  const auto workload = by_uid_.find(controller != controllers_.end() ? controller->second.owner : uid);
  return workload != by_uid_.end() ? slots_.at(workload->second).followed : std::vector<std::size_t>();
}

std::vector<std::size_t> RolloutView::matters_to(const KnownPod& pod) const {
  if (pod.deploys.empty()) return owned_by(pod.owner);
  for (const auto& [uid, controller] : controllers_) {
    if (controller.object.name() == pod.deploys) return owned_by(uid);
  }
  return {};
}

void RolloutView::add_pods(const Uid& owner, LiveWorkload& live) const {
  for (const auto& gone : gone_) {
    if (gone.owner == owner && gone.deploys.empty()) live.gone.push_back(&gone.pod);
  }
  const auto pods = pods_of_.find(owner);
  if (pods == pods_of_.end()) return;
  for (const auto& uid : pods->second) {
    const auto& known = pods_.at(uid);
    if (!known.deploys.empty()) continue;
    live.pods.push_back(&known.pod);
    add_warnings(uid, live);
  }
}

void RolloutView::add_warnings(const Uid& uid, LiveWorkload& live) const {
  const auto about = warnings_.find(uid);
  if (about == warnings_.end()) return;
  for (const auto& warning : about->second) live.warnings.push_back(&warning);
}

LiveWorkload RolloutView::of(std::size_t index) const {
  LiveWorkload live;
  const auto& slot = slots_.at(keys_[index]);
  live.deleted = slot.deleted;
  if (!slot.present) return live;
  live.object = &slot.object;
  const auto uid = slot.object.uid();
  add_warnings(uid, live);
  add_pods(uid, live);
  const auto newest = kube::DeploymentConfig(slot.object.json()).latest_controller();
  const auto controllers = controllers_of_.find(uid);
  if (controllers == controllers_of_.end()) return live;
  for (const auto& controller_uid : controllers->second) {
    const auto& controller = controllers_.at(controller_uid).object;
    live.controllers.push_back(&controller);
    add_warnings(controller_uid, live);
    add_pods(controller_uid, live);
    if (controller.name() != newest) continue;
    const auto deployer = deployers_.find(newest);
    if (deployer == deployers_.end()) continue;
    live.deployer = &pods_.at(deployer->second).pod;
    add_warnings(deployer->second, live);
  }
  return live;
}

}  // namespace sluice::openshift
