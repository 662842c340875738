#pragma once
// The image API of OpenShift: streams, their tags and images, imports, and the cluster's own settings for images.
// Source: github.com/openshift/api, image/v1/types.go and config/v1/types_image.go.

#include "kube/objects/object.hpp"
#include "kube/status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kube {

/// `from` of a tag, a trigger or an import.
struct ImageSource {
  std::string kind;  ///< "DockerImage", "ImageStreamTag", "ImageStreamImage"
  std::string project;
  std::string name;
  friend bool operator==(const ImageSource&, const ImageSource&) = default;
};
ImageSource read_source(const Json* from);
Json to_json(const ImageSource& source);

/// One entry of `spec.tags`: what a tag is meant to be.
struct TagSpec {
  std::string name;
  std::optional<ImageSource> from;
  std::int64_t generation = 0;
  bool reference = false;
  bool insecure = false;
  bool scheduled = false;
  bool local = false;  ///< referencePolicy Local: pull specs lead to the cluster's own registry
};
TagSpec read_tag_spec(const Json& json);

/// One entry of a tag's history.
struct TagItem {
  std::string created;
  std::string pull_spec;  ///< dockerImageReference
  std::string image;      ///< digest; empty for tags that only refer
  std::int64_t generation = 0;
};

/// One entry of `status.tags`: what a tag is, newest item first.
struct TagHistory {
  std::string tag;
  std::vector<TagItem> items;
  std::vector<Condition> conditions;  ///< only ImportSuccess, only while it is False
  const TagItem* top() const { return items.empty() ? nullptr : &items.front(); }
};

class ImageStream : public Object {
 public:
  static constexpr Resource kResource{"image.openshift.io", "v1", "imagestreams", "ImageStream"};
  using Object::Object;

  /// A new one, with its name alone.
  static ImageStream named(std::string_view project, std::string_view name);

  std::vector<TagSpec> tag_specs() const;
  std::optional<TagSpec> tag_spec(std::string_view tag) const;
  /// Takes a tag out of the spec, where it may stand; its history stays. True when it was there.
  bool remove_tag_spec(std::string_view tag);
  std::vector<TagHistory> tags() const;
  std::optional<TagHistory> tag(std::string_view name) const;
  /// The newest item of a tag; empty when there is none.
  std::optional<TagItem> top(std::string_view tag) const;
  /// Whether any item of any tag is this image.
  bool has_image(std::string_view digest) const;
  /// "docker-registry.default.svc:5000/prod/web"; empty when the cluster has no registry.
  std::string repository() const { return text_at(json(), {"status", "dockerImageRepository"}); }
  /// The same as it is reached from outside; empty when the registry is not exposed, or nobody wrote its name down.
  std::string public_repository() const { return text_at(json(), {"status", "publicDockerImageRepository"}); }
  bool local_lookup() const { return flag_at(json(), {"spec", "lookupPolicy", "local"}); }
};

class Image : public Object {
 public:
  static constexpr Resource kResource{"image.openshift.io", "v1", "images", "Image", false};
  using Object::Object;

  struct Layer {
    std::string digest;
    std::int64_t size_bytes = 0;
    std::string media_type;
  };
  /// A child of a manifest list.
  struct Child {
    std::string digest;
    std::string media_type;
    std::string architecture;
    std::string os;
    std::string variant;
    std::int64_t manifest_bytes = 0;
  };
  std::string digest() const { return name(); }
  std::string pull_spec() const { return text_at(json(), {"dockerImageReference"}); }
  std::string media_type() const { return text_at(json(), {"dockerImageManifestMediaType"}); }
  /// Stored in this cluster's registry: it was pushed, not imported.
  bool is_managed() const { return annotation("openshift.io/image.managed") == "true"; }
  std::vector<Layer> layers() const;
  std::vector<Child> children() const;
  Labels image_labels() const { return texts_at(json(), {"dockerImageMetadata", "Config", "Labels"}); }
  std::int64_t size_bytes() const { return number_at(json(), {"dockerImageMetadata", "Size"}); }
  std::vector<std::string> signature_names() const;
};

/// The virtual object "stream:tag".
class ImageStreamTag : public Object {
 public:
  static constexpr Resource kResource{"image.openshift.io", "v1", "imagestreamtags", "ImageStreamTag"};
  using Object::Object;

  /// The body that makes `stream:tag` stand for `from`, as `oc tag` sends it.
  static ImageStreamTag pointing(std::string_view project, std::string_view stream, std::string_view tag,
                                 const ImageSource& from, bool reference = false);

  std::string stream() const;
  std::string tag_name() const;
  /// Empty when the tag was only ever pushed.
  std::optional<TagSpec> spec() const;
  Image image() const;
  std::vector<Condition> conditions() const { return conditions_at(json(), {"conditions"}); }
};

/// The virtual object "stream@digest".
class ImageStreamImage : public Object {
 public:
  static constexpr Resource kResource{"image.openshift.io", "v1", "imagestreamimages", "ImageStreamImage"};
  using Object::Object;
  Image image() const;
};

/// `imagestreams/NAME/layers`: every blob and image of the whole history.
class ImageStreamLayers : public Object {
 public:
  using Object::Object;
  struct Blob {
    std::string digest;
    std::optional<std::int64_t> size_bytes;  ///< unknown for configs and manifests
    std::string media_type;
  };
  struct Member {
    std::string digest;
    bool missing = false;  ///< the Image object was deleted
    std::string config;
    std::vector<std::string> layers;
    std::vector<std::string> manifests;
  };
  std::vector<Blob> blobs() const;
  std::vector<Member> images() const;
};

class ImageStreamImport : public Object {
 public:
  static constexpr Resource kResource{"image.openshift.io", "v1", "imagestreamimports", "ImageStreamImport"};
  using Object::Object;

  /// One image to import, and what came of it. HTTP says 201 in either case.
  struct Outcome {
    std::string tag;
    std::optional<ApiFailure> failure;  ///< empty: imported (or it would be, in a dry run)
    Image image;
  };
  struct Wish {
    std::string pull_spec;
    std::string tag;
    bool insecure = false;
    bool scheduled = false;
    bool local = false;  ///< referencePolicy Local
  };
  /// A request to import one image into `stream`; `dry_run` stores nothing.
  static ImageStreamImport of(std::string_view project, std::string_view stream, const Wish& wish, bool dry_run);

  std::vector<Outcome> outcomes() const;
  /// The stream as it is after the import; empty for dry runs.
  std::optional<ImageStream> stream() const;
};

/// images.config.openshift.io/cluster of 4.x: under which names the registry is known.
class ImageSettings : public Object {
 public:
  static constexpr Resource kResource{"config.openshift.io", "v1", "images", "Image", false};
  using Object::Object;
  std::string internal_host() const { return text_at(json(), {"status", "internalRegistryHostname"}); }
  /// Those of the spec before those of the status.
  std::vector<std::string> external_hosts() const;
};

}  // namespace sluice::kube
