// The key in forms of URLEncoder, and in JSON.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;
import java.util.regex.Pattern;

public class Keys {
    // The first URL of every answer is that of a GET.
    private static final Pattern FIRST_URL = Pattern.compile("\"url\"\\s*:\\s*\"([^\"]+)\"");

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        String[] task = new String(System.in.readAllBytes(), UTF_8).split("\n");
        String base = task[0], token = task[1], key = task[2];
        String form = "key=" + URLEncoder.encode(key, UTF_8);
        downloaded(form, HttpRequest.newBuilder(URI.create(base + "/presignedurl?" + form)), token);
        form = "bucket=media&" + form;
        downloaded(form, HttpRequest.newBuilder(URI.create(base + "/v1/downloadUrl?" + form)), token);
        HttpRequest.Builder post = HttpRequest.newBuilder(URI.create(base + "/v1/downloadUrl"));
        String message = "{\"bucket\": \"media\", \"key\": \"" + key + "\"}";
        post.header("content-type", "application/json").POST(BodyPublishers.ofString(message));
        downloaded("-", post, token);
    }

    private static void downloaded(String query, HttpRequest.Builder request, String token) throws Exception {
        request.header("authorization", "Bearer " + token);
        var url = FIRST_URL.matcher(send(request, BodyHandlers.ofString()));
        if (!url.find()) {
            throw new IllegalStateException("the answer has no URL");
        }
        byte[] content = send(HttpRequest.newBuilder(URI.create(url.group(1))), BodyHandlers.ofByteArray());
        System.out.println(query + " " + Base64.getEncoder().encodeToString(content));
    }

    private static <T> T send(HttpRequest.Builder request, BodyHandler<T> handler) throws Exception {
        var answer = CLIENT.send(request.build(), handler);
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
        }
        return answer.body();
    }
}
