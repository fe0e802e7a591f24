import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URL;

/** java.net.HttpURLConnection without a timeout. Arguments: host port get|put. */
public class Url {
    public static void main(String[] args) {
        try {
            var url = new URL("http://" + args[0] + ":" + args[1] + "/");
            var conn = (HttpURLConnection) url.openConnection();
            if (args[2].equals("put")) {
                conn.setRequestMethod("PUT");
                conn.setDoOutput(true);
                conn.setFixedLengthStreamingMode(32 << 20);
                try (var out = conn.getOutputStream()) {
                    var piece = new byte[1 << 16];
                    for (int i = 0; i < 512; i++) {
                        out.write(piece);
                    }
                }
            }
            System.out.println("ok: " + new String(conn.getInputStream().readAllBytes()).trim());
        } catch (IOException error) {
            // Java tells a timeout by its class only where Java itself kept the time; the text is all that is left to us.
            boolean timeout = error instanceof SocketTimeoutException || String.valueOf(error.getMessage()).contains("timed out");
            System.out.println("error: " + error.getClass().getSimpleName() + " timeout=" + timeout + " " + error.getMessage());
            System.exit(3);
        }
    }
}
